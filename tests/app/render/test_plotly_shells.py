"""Figure shells: plotly's own schema accepts them, bare and dressed; every colour can be read."""

import copy
import re
from typing import Any

import plotly.graph_objects as go
import pytest

from app.render import plotly_shells
from app.render.palettes import PALETTES, apply_palette

SHELLS = {
    "loss": plotly_shells.loss_curves(),
    "gap": plotly_shells.gap_curves(),
    "val accuracy": plotly_shells.val_accuracy_curves(),
    "scatter": plotly_shells.scatter("lr", log=True),
    "pair": plotly_shells.scatter_pair("lr", "reg", x_log=True, y_log=False),
    "trial loss": plotly_shells.trial_loss(),
    "accuracy": plotly_shells.accuracy(),
    "lr": plotly_shells.learning_rate(),
    "update ratio": plotly_shells.update_ratio(),
}
each_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())
each_theme = pytest.mark.parametrize("theme", PALETTES)


@each_shell
def test_plotly_accepts_a_bare_shell(shell: plotly_shells.Shell) -> None:
    figure = go.Figure(shell)
    assert len(figure.data) == len(shell["data"])
    assert figure.layout.uirevision == "constant"  # zoom survives new data


@each_theme
@each_shell
def test_plotly_accepts_a_dressed_shell_and_nothing_is_left_to_its_default_colours(
    shell: plotly_shells.Shell, theme: str
) -> None:
    before = copy.deepcopy(shell)
    figure = go.Figure(apply_palette(shell, PALETTES[theme]))
    assert shell == before
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
    for trace in figure.data:
        if "lines" in trace.mode:
            assert trace.line.color in colours(theme)
        elif trace.meta["role"] != "scored":
            assert trace.marker.color in colours(theme)


@each_shell
def test_no_trace_needs_webgl(shell: plotly_shells.Shell) -> None:
    assert {trace["type"] for trace in shell["data"]} == {"scatter"}  # scattergl and parcoords need eval


def test_marks_of_divergence_never_move_the_axis_of_the_losses() -> None:
    crosses = go.Figure(plotly_shells.loss_curves()).data[-1]
    assert (crosses.yaxis, crosses.marker.symbol) == ("y2", "x")
    assert plotly_shells.loss_curves()["layout"]["yaxis2"]["range"] == [0, 1]


def test_edges_draw_both_ends_of_a_range_through_the_whole_figure() -> None:
    shell = plotly_shells.scatter("lr", log=True)
    shell["layout"]["shapes"] = plotly_shells.edges(1e-4, 1e-2, "x")
    low, high = go.Figure(shell).layout.shapes
    assert (low.x0, low.x1, high.x0, high.x1) == (1e-4, 1e-4, 1e-2, 1e-2)
    assert (low.yref, low.y0, low.y1) == ("paper", 0, 1)


@each_theme
def test_lines_stand_out_from_the_ground(theme: str) -> None:
    """WCAG asks 3 to 1 of what carries meaning in a picture, 4.5 to 1 of text."""
    palette = PALETTES[theme]
    for role in ("best", "diverged", "train", "cost", "val", "lr", "running"):
        assert contrast(palette["roles"][role], palette["ground"]) >= 3, role
    for colour in palette["series"]:
        assert contrast(colour, palette["ground"]) >= 3, colour
    assert contrast(palette["quiet"], palette["ground"]) >= 4.5


@each_theme
def test_a_better_trial_stands_out_more(theme: str) -> None:
    palette = PALETTES[theme]
    steps = [contrast(colour, palette["ground"]) for _, colour in palette["scale"]]
    assert steps == sorted(steps)


def colours(theme: str) -> set[str]:
    palette: dict[str, Any] = PALETTES[theme]
    return {*palette["roles"].values(), *palette["series"], *(colour for _, colour in palette["scale"])}


def contrast(one: str, other: str) -> float:
    """WCAG 2's ratio of two colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = re.fullmatch("#(..)(..)(..)", colour)
    assert parts is not None
    red, green, blue = (int(part, 16) / 255 for part in parts.groups())
    channels = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True))
