"""The shells of all Plotly charts: axes, trace styles and layout, as plain dicts.

A shell has no data and no colours. Each trace has a `meta.role`, to which palettes.py gives a colour, so one
shell serves both themes. The pages' scripts fill in the data.
"""

import copy
from typing import Any

from learning.diagnosis.curve_facts import CLOSE_RATIO_BAND
from learning.diagnosis.curve_remarks import BIG_GAP, NO_GAP
from learning.states import TRIAL_STATES

Shell = dict[str, Any]

RAMP_STEPS = 5  # colour classes of the overlaid curves: quintiles of the trials by best accuracy
POWER_TICK_SIZE = 10  # plotly draws ticks with exponents a quarter larger than asked for

_FONT = (
    '-apple-system, BlinkMacSystemFont, "Segoe UI", Inter, Roboto, "Helvetica Neue", "Noto Sans", '
    '"Liberation Sans", Arial, sans-serif'
)


def loss_curves() -> Shell:
    """All trials' train loss in quintiles of accuracy, the best on top; × above where one diverged."""
    return _overlay("train loss", "%{y:.4g}", rangemode="nonnegative")


def gap_curves() -> Shell:
    """All trials' train minus val accuracy by epoch, with the bands of the findings on it."""
    shell = _overlay("train − val accuracy", "%{y:+.3f}", rangemode="tozero")
    none: Shell = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": 0.0, "y1": NO_GAP}
    none |= {"line": {"width": 0}, "opacity": 0.14, "layer": "below", "name": "target"}
    shell["layout"]["shapes"] = [_level(0.0), none, {**_level(BIG_GAP), "name": "edge"}]
    return shell


def val_accuracy_curves() -> Shell:
    """Trials' val accuracy by epoch."""
    return _overlay("val accuracy", "%{y:.4f}", rangemode="normal")


def best_so_far() -> Shell:
    """The best val accuracy up to each trial that ended; the page plots it by time and by trials."""
    data = [
        _trace(
            "quiet",
            "trials",
            mode="markers",
            marker={"size": 4, "opacity": 0.55},
            hovertemplate="#%{customdata}<br>val acc %{y:.3f}<extra></extra>",
        ),
        _line("best", "best so far", "#%{customdata}<br>best %{y:.4f}<extra></extra>", shape="hv"),
    ]
    layout = _layout("", "best val accuracy", yaxis={"autorangeoptions": {"clipmin": 0, "clipmax": 1.02}})
    return {"data": data, "layout": layout}


def timeline() -> Shell:
    """When each trial trained: one bar a trial, one lane for each that a worker trains at the same time."""
    hover = "#%{customdata}<br>%{fullData.name}<extra></extra>"
    bar = {"mode": "lines", "line": {"width": 5}, "connectgaps": False, "hovertemplate": hover}
    begun = [state for state in TRIAL_STATES.values() if state.name != "queued"]
    data = [_trace(state.tone, state.name, **copy.deepcopy(bar)) for state in begun]
    return {
        "data": data,
        "layout": _layout(
            "minutes", "", yaxis={"showgrid": False, "autorange": "reversed"}, legend=_legend()
        ),
    }


def scatter(parameter: str, log: bool) -> Shell:
    """Best val accuracy against one setting; diverged trials lie on the lower edge."""
    diverged, *marks = _marks(f"{parameter} %{{x:.3g}}<br>val acc %{{y:.3f}}")
    diverged |= {
        "yaxis": "y2",
        "hovertemplate": f"#%{{customdata}}<br>{parameter} %{{x:.3g}}<extra>diverged</extra>",
    }
    accuracies = {"autorangeoptions": {"clipmin": -0.06, "clipmax": 1.06}}
    layout = _layout(parameter, "best val accuracy", xaxis=_scale(log), yaxis=accuracies, **_edge_axis())
    return {
        "data": [diverged, _points("scored", f"{parameter} %{{x:.3g}}", colour_bar=False), *marks],
        "layout": layout,
    }


def scatter_pair(x: str, y: str, x_log: bool, y_log: bool) -> Shell:
    """Two settings against each other, coloured by best val accuracy."""
    diverged, *marks = _marks(f"{x} %{{x:.3g}}<br>{y} %{{y:.3g}}")
    layout = _layout(x, y, xaxis=_scale(x_log), yaxis=_scale(y_log))
    return {
        "data": [diverged, _points("scored", f"{x} %{{x:.3g}}<br>{y} %{{y:.3g}}", colour_bar=True), *marks],
        "layout": layout,
    }


def scatter_with_projections(x: str, y: str, x_log: bool, y_log: bool) -> Shell:
    """Two settings against each other; in the margins, the trials at each value of one of them."""
    shell = scatter_pair(x, y, x_log, y_log)
    layout, inner, outer = shell["layout"], [0.0, 0.8], [0.84, 1.0]
    layout["xaxis"]["domain"] = layout["yaxis"]["domain"] = inner
    margin: Shell = {
        "domain": outer,
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "visible": False,
    }
    layout |= {"xaxis2": {**margin, "anchor": "y"}, "yaxis2": {**margin, "anchor": "x"}}
    dots: Shell = {"mode": "markers", "marker": {"size": 5}, "hoverinfo": "skip", "cliponaxis": False}
    shell["data"] += [
        _trace("running", f"trials at each {x}", yaxis="y2", **copy.deepcopy(dots)),
        _trace("running", f"trials at each {y}", xaxis="x2", **copy.deepcopy(dots)),
    ]
    return shell


def expected_bests() -> Shell:
    """Two searches: the expected best of n trials, by n."""
    hover = "of %{x} trials<br>%{y:.4f} on average"
    data = [_line("val", "grid", hover, dash="dash"), _line("train", "random", hover)]
    return {"data": data, "layout": _layout("trials", "best val accuracy, on average", legend=_legend())}


def trial_loss() -> Shell:
    """One trial: train and validation loss, and behind them the cost, which includes the penalty."""
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    data = [
        _trace("band-low", "smallest", **band),
        _trace("band", "mini-batch cost, min to max", **{**band, "fill": "tonexty", "showlegend": True}),
        _trace("raw", "mini-batch cost, mean", **{**band, "line": {"width": 1}}, opacity=0.45),
        _line("cost", "cost: train loss + L2 penalty", "%{y:.5g}", dash="dot", width=1.6),
        _line("train", "train loss", "%{y:.5g}"),
        _line("val", "val loss", "%{y:.5g}", dash="dash"),
        _crosses(),
    ]
    return {"data": data, "layout": _layout("epoch", "loss", **_edge_axis(), legend=_legend())}


def accuracy() -> Shell:
    """One trial's train and val accuracy, the gap between them filled."""
    data = [
        _line("val", "validation", "%{y:.4f}", dash="dash"),
        _line("train", "train", "%{y:.4f}", fill="tonexty"),
        _trace(
            "best",
            "best",
            mode="markers",
            marker={"size": 10, "symbol": "circle-open", "line": {"width": 2}},
            cliponaxis=False,
        ),
    ]
    layout = _layout(
        "epoch", "accuracy", yaxis={"autorangeoptions": {"minallowed": 0, "maxallowed": 1}}, legend=_legend()
    )
    return {"data": data, "layout": layout}


def seed_spread(metric: str) -> Shell:
    """A metric over repeats of one trial: smallest to largest, the mean, and the run that they repeat."""
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    data = [
        _trace("band-low", "smallest", **edge),
        _trace("band", "smallest to largest", **{**edge, "fill": "tonexty", "showlegend": True}),
        _line("train", "mean of the seeds", "%{y:.4f}"),
        _line("best", "the repeated run", "%{y:.4f}", dash="dash"),
    ]
    return {"data": data, "layout": _layout("epoch", metric, legend=_legend())}


def learning_rate() -> Shell:
    """One trial's learning rate by epoch."""
    return {
        "data": [_line("lr", "lr", "%{y:.4g}", shape="hv")],
        "layout": _layout("epoch", "lr", yaxis={"rangemode": "tozero", "exponentformat": "power"}),
    }


def update_ratio() -> Shell:
    """One trial's update size over weight size, per matrix, on a log axis with the band around 1e-3."""
    low, high = CLOSE_RATIO_BAND
    band: Shell = {
        "type": "rect",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": low,
        "y1": high,
        "line": {"width": 0},
    }
    layout = _layout("epoch", "update : weight", yaxis=_scale(True), legend=_legend())
    layout["shapes"] = [{**band, "opacity": 0.14, "layer": "below", "name": "target"}]
    return {"data": [_line("series", "W", "%{y:.3g}")], "layout": layout}


def edges(low: float, high: float, axis: str) -> list[Shell]:
    """Two dashed lines at the ends of a searched range, on axis `x` or `y`."""
    other = "y" if axis == "x" else "x"
    return [
        {
            "type": "line",
            "name": "edge",
            **{f"{axis}0": value, f"{axis}1": value, f"{other}ref": "paper", f"{other}0": 0, f"{other}1": 1},
            "line": {"width": 1.2, "dash": "dot"},
        }
        for value in (low, high)
    ]


def _overlay(title: str, value: str, rangemode: str) -> Shell:
    hover = f"#%{{customdata}} · {{across}} %{{x}}<br>{value}<extra></extra>"
    quiet = {"mode": "lines", "connectgaps": False, "hovertemplate": hover, "showlegend": False}
    data = [_trace("quiet", "not scored yet", **quiet, line={"width": 1.2}, opacity=0.5)]
    data.append(_trace("diverged", "diverged", **quiet, line={"width": 1.2, "dash": "dot"}))
    data += [
        _trace(f"ramp-{n}", f"quintile {n + 1}", **quiet, line={"width": 1.2}) for n in range(RAMP_STEPS)
    ]
    data.append(_trace("best", "best", **quiet, line={"width": 3}))
    data.append(_trace("series", "selected", **quiet, line={"width": 2.6}))
    data.append(_crosses())
    layout = _layout("epoch", title, **_edge_axis(), yaxis={"rangemode": rangemode})
    return {"data": data, "layout": layout}


def _crosses() -> Shell:
    """Marks at the top edge where a cost exploded: drawn on a second axis, so they never move the first."""
    return _trace(
        "diverged",
        "diverged here",
        mode="markers",
        yaxis="y2",
        cliponaxis=False,
        marker={"symbol": "x", "size": 8},
        hovertemplate="#%{customdata} diverged in epoch %{x}<extra></extra>",
    )


def _edge_axis() -> Shell:
    """A second axis from 0 (lower edge) to 1 (upper edge) that no data moves."""
    hidden = {"visible": False, "range": [0, 1], "fixedrange": True, "overlaying": "y", "zeroline": False}
    return {"yaxis2": hidden}


def _points(role: str, hover: str, colour_bar: bool) -> Shell:
    marker: Shell = {"size": 9, "opacity": 0.9, "showscale": colour_bar, "line": {"width": 0}}
    if colour_bar:
        marker["colorbar"] = {
            "title": {"text": "val acc", "side": "right"},
            "thickness": 10,
            "outlinewidth": 0,
        }
    template = f"#%{{customdata}} · val acc %{{marker.color:.3f}}<br>{hover}<extra></extra>"
    return _trace(role, "val accuracy", mode="markers", marker=marker, hovertemplate=template)


def _marks(text: str) -> list[Shell]:
    """Diverged trials as crosses, running trials hollow, the best and selected trials ringed."""
    hover = f"#%{{customdata}}<br>{text}"
    ring = {"symbol": "circle-open", "size": 16, "line": {"width": 2.5}}
    cross = {"symbol": "x-thin-open", "size": 8, "line": {"width": 1.8}}
    hollow = {"symbol": "circle-open", "size": 9, "line": {"width": 1.6}}
    return [
        _trace(
            "diverged",
            "diverged",
            mode="markers",
            marker=cross,
            hovertemplate=hover + "<extra>diverged</extra>",
        ),
        _trace(
            "running",
            "running",
            mode="markers",
            marker=hollow,
            hovertemplate=hover + "<extra>running</extra>",
        ),
        _trace("best", "best", mode="markers", marker=ring, hoverinfo="skip"),
        _trace("series", "selected", mode="markers", marker={**ring, "size": 19}, hoverinfo="skip"),
    ]


def _line(role: str, name: str, value: str, fill: str | None = None, **line: Any) -> Shell:
    extra = {"fill": fill} if fill else {}
    return _trace(role, name, mode="lines", line={"width": 2.2, **line}, hovertemplate=value, **extra)


def _trace(role: str, name: str, **style: Any) -> Shell:
    return {"type": "scatter", "name": name, "x": [], "y": [], "meta": {"role": role}, **style}


def _scale(log: bool) -> Shell:
    return (
        {"type": "log", "exponentformat": "power", "dtick": 1, "tickfont": {"size": POWER_TICK_SIZE}}
        if log
        else {"type": "linear"}
    )


def _level(value: float) -> Shell:
    line = {"type": "line", "name": "level", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value}
    return {**line, "line": {"width": 1}, "layer": "below"}


def _legend() -> Shell:
    return {
        "orientation": "h",
        "x": 0,
        "y": 1,
        "yanchor": "bottom",
        "xanchor": "left",
        "traceorder": "normal",
        "bgcolor": "rgba(0,0,0,0)",
    }


def _layout(x_title: str, y_title: str, **more: Any) -> Shell:
    """The layout that all charts share; `uirevision` keeps zoom and pan when data arrive."""
    axis = {
        "automargin": True,
        "zeroline": False,
        "ticks": "",
        "hoverformat": ".4~g",
    }
    layout: Shell = {
        "autosize": True,
        "uirevision": "constant",
        "margin": {"l": 8, "r": 12, "t": 14, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "size": 12},
        "showlegend": "legend" in more,
        "hovermode": "closest",
        "dragmode": "zoom",
        "xaxis": {**axis, "title": {"standoff": 8, "text": x_title}, **more.pop("xaxis", {})},
        "yaxis": {**axis, "title": {"standoff": 8, "text": y_title}, **more.pop("yaxis", {})},
    }
    return {**layout, **more}
