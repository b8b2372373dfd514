"""The back-off that the workers, their supervisors and the webhook share."""

from itertools import islice

from store.backoff import compute_delay, generate_delays


def test_delays_double_up_to_the_longest() -> None:
    assert [compute_delay(failures, 0.5, 3.0) for failures in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_thousands_of_failures_are_no_different() -> None:
    assert compute_delay(1_000_000, 0.5, 30.0) == 30.0


def test_attempts_spread_out_over_the_second_half_of_each_delay() -> None:
    whole = [compute_delay(failures, 1.0, 300.0) for failures in range(1, 21)]
    for _ in range(50):
        shares = [delay / most for delay, most in zip(generate_delays(1.0, 300.0), whole, strict=False)]
        assert len(shares) == 20
        assert all(0.5 <= share <= 1.0 for share in shares)
    assert list(islice(generate_delays(), 20)) != list(islice(generate_delays(), 20))
