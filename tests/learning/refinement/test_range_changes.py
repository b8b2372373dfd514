"""Where the ends of ranges went between one search and the next."""

from learning.refinement.range_changes import Move, moves
from learning.search.space import Space


def test_each_end_shrank_was_extended_or_was_kept() -> None:
    old = Space.parse({"lr": {"log_uniform": [1e-4, 1e-1]}, "dropout": {"uniform": [0.0, 0.5]}})
    new = Space.parse({"lr": {"log_uniform": [1e-3, 1.0]}, "dropout": {"uniform": [0.0, 0.25]}})
    assert set(moves(old, new)) == {
        Move("lr", "low", 1e-4, 1e-3, "shrunk"),
        Move("lr", "high", 1e-1, 1.0, "extended"),
        Move("dropout", "low", 0.0, 0.0, "kept"),
        Move("dropout", "high", 0.5, 0.25, "shrunk"),
    }
    assert {one.kind for one in moves(new, old)} == {"extended", "shrunk", "kept"}


def test_what_only_one_search_has_or_what_has_no_ends_did_not_move() -> None:
    old = Space.parse({"update": {"choice": ["sgd", "adam"]}, "lr": {"log_uniform": [1e-4, 1e-1]}})
    new = Space.parse({"update": {"choice": ["adam"]}, "reg": {"log_uniform": [1e-4, 1e-1]}})
    assert moves(old, new) == ()
