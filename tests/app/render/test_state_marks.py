"""States on pages: style sheets, icons and charts know their marks, and no list of them is anywhere else."""

import json
import re

import pytest

from app.render.assets import STATIC
from app.render.palettes import PALETTES
from app.render.plotly_shells import timeline
from app.render.state_marks import MARKS, PAGE_TABLES, TRACK_PARTS, Mark, count_ended
from app.render.templates import TEMPLATES
from app.schemas.json_values import dump_json
from learning.states import SWEEP_STATES, TRIAL_STATES, State
from tests.support.html import parse_page

ROOT = STATIC.parent
ALL_STATES: list[State] = [*TRIAL_STATES.values(), *SWEEP_STATES.values()]
NAMES = "|".join(sorted({state.name for state in ALL_STATES}))
# A name in quotes, as one of a list or of a condition, or as a key of an object.
NAMED = re.compile(rf"""(?P<quote>["'`])(?P<word>{NAMES})(?P=quote)|(?<![\w`-])(?P<key>{NAMES}):""")
LISTS = {
    "templates/autopilot.html": {"finished", "failed"},  # a check of a preflight: it has no state of its own
}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS.keys())
def test_a_mark_has_an_icon_and_a_tone_that_style_sheets_and_charts_know(mark: Mark) -> None:
    assert f'<symbol id="{mark.icon}"' in (STATIC / "img/icons.svg").read_text()
    tone = re.search(
        rf'^\[data-tone="{mark.tone}"\] {{ --tone: var\((--[\w-]+)\); }}$', css("parts"), re.MULTILINE
    )
    assert tone is not None
    assert re.search(rf"^  {tone[1]}: light-dark\(", css("tokens"), re.MULTILINE)
    assert all(mark.tone in palette["roles"] for palette in PALETTES.values())


@pytest.mark.parametrize("state", ALL_STATES, ids=lambda state: f"{type(state).__name__} {state.name}")
def test_states_of_trials_and_of_sweeps_with_one_name_have_one_mark(state: State) -> None:
    assert MARKS[state.name] == Mark(state.tone, state.icon)


def test_a_bar_of_counts_has_every_state_those_that_ended_first() -> None:
    assert sorted(TRACK_PARTS) == sorted(TRIAL_STATES)
    assert [TRIAL_STATES[part].living for part in TRACK_PARTS] == sorted(
        state.living for state in TRIAL_STATES.values()
    )
    assert TRACK_PARTS[-2:] == ("running", "queued")


def test_what_has_ended_is_counted_by_the_table() -> None:
    assert count_ended({}) == 0
    one_each = dict.fromkeys(TRIAL_STATES, 1)
    assert count_ended(one_each) == sum(state.ended for state in TRIAL_STATES.values())


def test_every_page_has_the_tables_in_their_order() -> None:
    page = parse_page(TEMPLATES.get_template("_page.html").render())
    sent = json.loads(page.select("script#states")[0].text)
    assert sent == json.loads(dump_json(PAGE_TABLES))
    assert [row["name"] for row in sent["trial"]] == list(TRIAL_STATES)


def test_a_trial_that_has_begun_has_a_bar_in_the_tone_of_its_state() -> None:
    bars = {trace["name"]: trace["meta"]["role"] for trace in timeline()["data"]}
    assert bars == {name: state.tone for name, state in TRIAL_STATES.items() if name != "queued"}


@pytest.mark.parametrize("folder", ["static", "templates", "app/render", "app/pages"])
def test_no_list_of_states_stands_beside_the_table(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix not in (".js", ".css", ".html", ".py"):
            continue
        text = path.read_text()
        allowed = LISTS.get(path.relative_to(ROOT).as_posix(), set())
        for part in [text] if path.suffix == ".css" else text.splitlines():
            named = {found["word"] or found["key"] for found in NAMED.finditer(part)}
            assert len(named) < 2 or named == allowed, f"{path}: {sorted(named)}"


def css(name: str) -> str:
    return (STATIC / f"css/{name}.css").read_text()
