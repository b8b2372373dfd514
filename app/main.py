"""Build the application: its routes, middleware and error responses, and what opens and closes with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI

from app import api, pages
from app.http import health, problems
from app.http.guard import Guard, Throttle
from app.http.head_requests import HeadRequests
from app.http.query_params import reject_unknown_params
from app.http.token_file import effective_token
from app.live.hub import LiveHub
from app.live.verdict_updates import VerdictUpdates
from app.live.webhook import Webhook
from app.pages import errors, login, openapi
from app.render import assets
from store.config import Config
from store.db import migrations
from store.db.checkpoints_and_weights import Files
from store.db.database import Database
from store.read.filter import build_parser

DESCRIPTION = "Submit a hyper-parameter search, watch every loss curve live, read what is wrong with it."


def create_app(config: Config) -> FastAPI:
    """The application; `app.state` has its config, database, files, live hub and login throttle.

    The database is opened here, brought to the newest schema when serving begins and closed when it ends.
    """
    config = config.model_copy(update={"token": effective_token(config)})
    app = FastAPI(
        title="Lossdeck",
        version=version("lossdeck"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        responses=openapi.PROBLEM_RESPONSES,
    )
    app.state.config = config
    app.state.database = Database.open(config)
    app.state.files = Files(config.home)
    app.state.live = LiveHub(app.state.database)
    app.state.throttle = Throttle()
    problems.install(app)
    app.add_middleware(HeadRequests)
    app.add_middleware(Guard, config=config, challenge=login.challenge)
    _add_routes(app)
    openapi.install(app)
    errors.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    migrations.upgrade(app.state.database)
    build_parser()  # or the first filter would wait for it
    app.state.live.start()
    verdicts = VerdictUpdates(app.state.database, app.state.config)
    verdicts.start()
    url = app.state.config.webhook
    webhook = Webhook(app.state.database, url) if url else None
    if webhook is not None:
        webhook.start()
    yield
    if webhook is not None:
        await asyncio.to_thread(webhook.stop)
    await asyncio.to_thread(verdicts.stop)
    await app.state.live.stop()
    app.state.database.close()


def _add_routes(app: FastAPI) -> None:
    for router in api.ROUTERS:
        app.include_router(router, dependencies=[Depends(reject_unknown_params)])
    for router in (health.router, assets.router, *pages.ROUTERS):
        app.include_router(router)
