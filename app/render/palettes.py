"""The colours of charts in the light and the dark theme, and how they are applied to a figure's shell."""

import copy
from collections.abc import Mapping
from typing import Any

from app.render.plotly_shells import RAMP_STEPS, Shell

# Viridis, clipped at the end that would vanish in the ground; in both, the better trial stands out more.
_LIGHT_SCALE = [
    "#7ad151",
    "#44bf70",
    "#22a884",
    "#21918c",
    "#2a788e",
    "#355f8d",
    "#414487",
    "#482475",
    "#440154",
]
_DARK_SCALE = [
    "#414487",
    "#355f8d",
    "#2a788e",
    "#21918c",
    "#22a884",
    "#44bf70",
    "#7ad151",
    "#bddf26",
    "#fde725",
]

# Okabe and Ito's colours, darkened or lightened where the ground asks for it.
PALETTES: dict[str, dict[str, Any]] = {
    "light": {
        "ink": "#12161c",
        "quiet": "#5b6675",
        "grid": "#e6e9ee",
        "ground": "#ffffff",
        "scale": [[n / 8, colour] for n, colour in enumerate(_LIGHT_SCALE)],
        "series": ["#0072b2", "#c77700", "#008561", "#b8578d", "#3f93c4", "#6b5900", "#7a3fa0", "#4a5462"],
        "roles": {
            "quiet": "#8a94a3",
            "best": "#12161c",
            "diverged": "#c24e00",
            "edge": "#c24e00",
            "running": "#0072b2",
            "train": "#0072b2",
            "cost": "#0072b2",
            "val": "#c77700",
            "band": "#0072b2",
            "lr": "#7a3fa0",
            "target": "#008561",
            "info": "#0072b2",
            "good": "#008561",
            "warning": "#7a5600",
            "bad": "#c24e00",
            "fault": "#b8578d",
        },
    },
    "dark": {
        "ink": "#e8ecf1",
        "quiet": "#97a3b2",
        "grid": "#29313b",
        "ground": "#161b22",
        "scale": [[n / 8, colour] for n, colour in enumerate(_DARK_SCALE)],
        "series": ["#64b5f0", "#ffb547", "#3ecb9b", "#f08cba", "#a4d8f7", "#f0e442", "#c39bf0", "#bcc5d0"],
        "roles": {
            "quiet": "#6b7787",
            "best": "#ffffff",
            "diverged": "#ff9354",
            "edge": "#ff9354",
            "running": "#64b5f0",
            "train": "#64b5f0",
            "cost": "#64b5f0",
            "val": "#ffb547",
            "band": "#64b5f0",
            "lr": "#c39bf0",
            "target": "#3ecb9b",
            "info": "#64b5f0",
            "good": "#3ecb9b",
            "warning": "#e3b341",
            "bad": "#ff9354",
            "fault": "#f08cba",
        },
    },
}


def canvas_palette(palette: Mapping[str, Any]) -> dict[str, Any]:
    """A palette for charts drawn on a canvas: colours by name, and the scale from low to high."""
    shared = {name: palette[name] for name in ("ink", "quiet", "grid", "ground", "series")}
    return {**palette["roles"], **shared, "scale": [colour for _, colour in palette["scale"]]}


def apply_palette(shell: Shell, palette: Mapping[str, Any]) -> Shell:
    """A copy of `shell` with the palette's colours."""
    shell = copy.deepcopy(shell)
    for trace in shell["data"]:
        _colour_trace(trace, palette)
    for shape in shell["layout"].get("shapes", []):
        colour = palette["roles"].get(shape.get("name"), palette["quiet"])
        shape.setdefault("line", {})["color"] = colour
        if shape["type"] == "rect":
            shape["fillcolor"] = colour
    layout = shell["layout"]
    layout["font"] = {**layout["font"], "color": palette["quiet"]}
    for name in [key for key in layout if key[1:5] == "axis"]:
        layout[name] |= {
            "gridcolor": palette["grid"],
            "linecolor": palette["grid"],
            "zerolinecolor": palette["grid"],
        }
    return shell


def in_both_themes(shell: Shell) -> dict[str, Shell]:
    """A copy of `shell` for each theme."""
    return {theme: apply_palette(shell, palette) for theme, palette in PALETTES.items()}


def series_colours() -> dict[str, list[str]]:
    """The colours of numbered lines, for each theme."""
    return {theme: palette["series"] for theme, palette in PALETTES.items()}


def chart_data(shells: Mapping[str, Shell], **values: object) -> dict[str, object]:
    """The data of a page with charts: its empty figures in both themes, the line colours, and `values`."""
    return {
        "figures": {name: in_both_themes(shell) for name, shell in shells.items()},
        "series": series_colours(),
        **values,
    }


def _colour_trace(trace: Shell, palette: Mapping[str, Any]) -> None:
    role = trace["meta"]["role"]
    if role == "scored":
        trace["marker"] = {**trace["marker"], "colorscale": palette["scale"]}
        return
    colour = palette["roles"].get(role) or _ramp_colour(role, palette)
    if "line" in trace:
        trace["line"] = {**trace["line"], "color": colour}
    if "marker" in trace:
        trace["marker"] = {**trace["marker"], "color": colour}
    if trace.get("fill"):
        trace["fillcolor"] = _make_transparent(colour)


def _ramp_colour(role: str, palette: Mapping[str, Any]) -> str:
    if role.startswith("ramp-"):
        step = int(role.removeprefix("ramp-"))
        return str(palette["scale"][round(step * 8 / (RAMP_STEPS - 1))][1])
    return str(
        {"band-low": palette["roles"]["band"], "raw": palette["roles"]["train"]}.get(
            role, palette["series"][0]
        )
    )


def _make_transparent(colour: str) -> str:
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.14)"
