"""Which sweeps searched one problem both ways."""

from store.db.database import Database
from store.read import related_sweeps
from tests.support.sweeps import MakeSweep


def test_each_grid_goes_with_the_next_random_search_of_its_problem(
    database: Database, make_sweep: MakeSweep
) -> None:
    first = [make_sweep(database, sampler=sampler).id for sampler in ("grid", "random")]
    make_sweep(database, sampler="grid", sweep_seed=5)  # of another seed
    make_sweep(database, sampler="grid", space={"lr": {"uniform": [0.1, 0.2]}})
    make_sweep(database, sampler="sobol")
    second = [make_sweep(database, sampler=sampler).id for sampler in ("grid", "random")]
    with database.read() as c:
        found = related_sweeps.list_grid_random_pairs(c, 10)
        assert [[sweep.id for sweep in pair] for pair in found] == [second, first]
        assert [[sweep.id for sweep in pair] for pair in related_sweeps.list_grid_random_pairs(c, 1)] == [
            second
        ]
