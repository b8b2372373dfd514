"""Routes for monitoring: whether the server is alive and ready, and its numbers for Prometheus."""

from collections.abc import Iterable, Mapping

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from app.http.problems import Problem
from app.http.resources import AppResources, Resources
from app.schemas.health import AliveOut, ReadyOut
from store.db import migrations
from store.read import totals

router = APIRouter(tags=["health"])


@router.get("/healthz")
def check_alive() -> AliveOut:
    """The process answers."""
    return AliveOut(status="ok")


@router.get("/readyz")
def check_ready(resources: Resources) -> ReadyOut:
    """The database answers and has the schema that this version needs."""
    try:
        current = migrations.read_version(resources.database)
    except Exception as error:  # whatever the driver raises, the answer is the same
        raise Problem(503, "The database does not answer.", headers={"retry-after": "2"}) from error
    if current != migrations.read_head():
        raise Problem(503, "The database has another schema than this version needs; run `lossdeck migrate`.")
    return ReadyOut(status="ready", database=resources.database.dialect, schema=current)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def read_metrics(resources: Resources) -> Response:
    """Numbers for Prometheus, read from the database at this moment."""
    registry = CollectorRegistry()
    registry.register(MetricsCollector(resources))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class MetricsCollector:
    """A collector that reads the database once for each scrape."""

    def __init__(self, resources: AppResources) -> None:
        self.resources = resources

    def collect(self) -> Iterable[Metric]:
        """prometheus_client's interface."""
        with self.resources.database.read() as c:
            now = totals.read(c)
        yield _by_state("lossdeck_trials", "Trials by state", now.trials)
        yield _by_state("lossdeck_sweeps", "Sweeps by state", now.sweeps)
        yield GaugeMetricFamily("lossdeck_queue_depth", "Trials that wait for a worker", now.trials["queued"])
        yield CounterMetricFamily("lossdeck_epochs", "Epochs recorded and kept", now.epochs)
        yield GaugeMetricFamily("lossdeck_workers_alive", "Workers not known to be gone", now.workers)
        yield GaugeMetricFamily("lossdeck_streams_open", "Live streams", self.resources.live.open_streams)


def _by_state(name: str, meaning: str, counts: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=["state"])
    for state, count in counts.items():
        family.add_metric([state], count)
    return family
