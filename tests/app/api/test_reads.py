"""A GET never writes."""

import shutil
from contextlib import closing
from pathlib import Path

from sqlalchemy import select, update
from starlette.testclient import TestClient

from app.main import create_app
from store.config import Config
from store.db.database import Database
from store.db.tables import trial
from tests.support.made_up_worker import ADDRESS, BODY, Crew

PATHS = (
    "/api/sweeps",
    "/api/sweeps/1",
    "/api/sweeps/1/trials",
    "/api/sweeps/1/epochs",
    "/api/sweeps/1/findings",
    "/api/sweeps/1/refinement",
    "/api/sweeps/1/family",
    "/api/sweeps/1/columns?of=verdict,lr",
    "/api/sweeps/1/curves?numbers=0,1",
    *(f"/api/sweeps/1/export?format={format}" for format in ("csv", "jsonl", "html", "transcript")),
    "/api/trials/1",
    "/api/trials/1/epochs",
    "/api/trials/1/findings",
    "/api/preflights",
    "/api/autopilots",
    "/api/workers",
    "/metrics",
    "/",
    "/sweeps/1",
    "/sweeps/1/stages",
    "/trials/1",
    "/compare?trials=1,2",
    "/preflight",
    "/autopilot",
    "/workers",
    "/random-grid",
)


def test_no_get_writes_not_even_a_verdict_that_is_out_of_date(config: Config, migrated_sqlite: Path) -> None:
    config.home.mkdir()
    shutil.copyfile(migrated_sqlite, config.home / "lossdeck.db")
    client = TestClient(create_app(config), base_url=ADDRESS)  # not entered: nothing runs in the background
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    assert client.post("/api/sweeps", json=BODY).status_code == 201
    Crew(database).finish_all()
    with database.write() as c:
        c.execute(update(trial).values(verdict=None, verdict_rules=None))
    with closing(Database.open(config)) as watching, closing(database):
        before = watching.version()
        for path in PATHS:
            assert client.get(path).status_code == 200, path
        assert watching.version() == before
        with watching.read() as c:
            assert set(c.scalars(select(trial.c.verdict))) == {None}
