"""Pages of trials: one trial with its curves and findings, and several side by side."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from app.http.resources import AppResources, Resources
from app.render import plotly_shells
from app.render.palettes import chart_data
from app.render.templates import render_page
from app.schemas.fields import Id
from app.schemas.sweeps import SweepOut
from app.schemas.trials import TrialOut
from app.text.formats import format_setting
from app.text.numbers import split_numbers
from app.usecases import findings
from app.usecases.model_file import has_safetensors
from learning.data import catalog
from learning.settings import SETTING_NAMES
from store.read import changes, sweeps, trials
from store.read.trials import Trial

MOST_TRIALS_COMPARED = 20
COMPARED_RESULTS = (
    ("best_val_acc", "best val accuracy"),
    ("val_acc", "last val accuracy"),
    ("train_acc", "last train accuracy"),
    ("gap", "gap"),
    ("data_loss", "last train loss"),
    ("val_loss", "last val loss"),
    ("seconds", "from start to end, s"),
)  # rows of a comparison

router = APIRouter(include_in_schema=False)


@router.get("/trials/{id}")
def show_trial(id: Id, resources: Resources) -> HTMLResponse:
    """One trial: its curves and its findings."""
    with resources.database.read() as c:
        found = trials.must_get(c, id)
        sweep = sweeps.must_get(c, found.sweep_id)
        cursor = changes.read_cursor(c)
        previous, following = (trials.get_by_number(c, sweep.id, found.number + step) for step in (-1, 1))
    shells = {
        "loss": plotly_shells.trial_loss(),
        "accuracy": plotly_shells.accuracy(),
        "rate": plotly_shells.learning_rate(),
        "ratio": plotly_shells.update_ratio(),
    }
    return render_page(
        "trial.html",
        section="/",
        data=chart_data(shells, trial=TrialOut.of(found), sweep=SweepOut.of(sweep), cursor=cursor),
        trial=found,
        sweep=sweep,
        findings=findings.diagnose_trial(found, resources.database, resources.config),
        image_shape=_find_image_shape(sweep.dataset, resources),
        safetensors=has_safetensors(),
        previous=previous.id if previous else None,
        following=following.id if following else None,
    )


@router.get("/compare")
def show_comparison(
    resources: Resources, chosen: Annotated[str, Query(alias="trials", max_length=400)] = ""
) -> HTMLResponse:
    """Two to twenty trials side by side."""
    ids = [number for number in split_numbers(chosen) if number is not None]
    with resources.database.read() as c:
        found = trials.get_many(c, ids[:MOST_TRIALS_COMPARED])
        cursor = changes.read_cursor(c)
        rows = [found[id] for id in dict.fromkeys(ids) if id in found]
        of = sweeps.get_many(c, sorted({row.sweep_id for row in rows}))
    shells = {"loss": plotly_shells.loss_curves(), "accuracy": plotly_shells.val_accuracy_curves()}
    data = chart_data(shells, trials=[TrialOut.of(row) for row in rows], cursor=cursor)
    return render_page(
        "compare.html",
        section="/",
        data=data,
        trials=rows,
        sweeps=list(of.values()),
        settings=compare_settings(rows),
        results=COMPARED_RESULTS,
    )


def compare_settings(rows: Sequence[Trial]) -> list[dict[str, Any]]:
    """Every setting of the trials, those that differ first; values as text."""
    lines = []
    for name in SETTING_NAMES if rows else ():
        values = [format_setting(name, getattr(row.settings, name)) for row in rows]
        lines.append({"name": name, "values": values, "equal": len(set(values)) == 1})
    return sorted(lines, key=lambda line: bool(line["equal"]))


def _find_image_shape(dataset: str, resources: AppResources) -> tuple[int, int, int] | None:
    summaries = catalog.list_summaries(resources.config.home, resources.config.data)
    return next((summary.image_shape for summary in summaries if summary.name == dataset), None)
