"""What a sweep of a thousand trials says must not keep its page waiting."""

import time

from starlette.testclient import TestClient

from benchmarks import seed
from store.db.database import Database
from tests.support.worker_processes import processes_per_core

BAR = 0.2  # seconds, on a core of our own


def test_a_thousand_trials_are_judged_at_once(client: TestClient) -> None:
    """Their own verdicts were given by the workers; the findings of all together come from results alone."""
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    sweep = seed.sweep(database, 1_000, 2)
    took = []
    for _ in range(4):
        started = time.perf_counter()
        answer = client.get(f"/api/sweeps/{sweep.id}/findings")
        took.append(time.perf_counter() - started)
        assert answer.status_code == 200
    assert answer.json()["importance"]["trials"] > 500
    verdicts = client.get(f"/api/sweeps/{sweep.id}/columns?of=verdict").json()["columns"]["verdict"]
    assert len(verdicts) == 1_000
    assert None not in verdicts
    assert min(took) < BAR * processes_per_core()
