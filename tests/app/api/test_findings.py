"""The findings of a large sweep: all trials together, and a verdict for each."""

import pytest
from starlette.testclient import TestClient

from benchmarks import seed
from store.db.database import Database


@pytest.mark.slow
def test_a_thousand_trials_are_judged(client: TestClient) -> None:
    """Their own verdicts were given by the workers; the findings of all together come from results alone."""
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    sweep = seed.sweep(database, 1_000, 2)
    answer = client.get(f"/api/sweeps/{sweep.id}/findings")
    assert answer.status_code == 200
    assert answer.json()["importance"]["trials"] > 500
    verdicts = client.get(f"/api/sweeps/{sweep.id}/columns?of=verdict").json()["columns"]["verdict"]
    assert len(verdicts) == 1_000
    assert None not in verdicts
