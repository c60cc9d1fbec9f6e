"""The small charts beside the picture: measured quantities over the steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app import theme, wire
from app.text import say, words
from toy.experiments.authors_line import authors_curve
from toy.measures import MEASURES
from toy.recording import Recording

HEIGHT = 150
MOST_POINTS = 600  # of a per-step series: about one a pixel


@dataclass(frozen=True)
class Line:
    """One curve: a column of the table of measures, its colour and dash, and the column that holds its steps."""

    column: str
    colour: str
    dash: str = "solid"
    width: float = 2
    steps: str = "steps"


@dataclass(frozen=True)
class Chart:
    """A chart: its curves, and whether its y axis is logarithmic or a share from 0 to 1."""

    lines: tuple[Line, ...]
    log: bool = True
    chance: str = ""  # the column whose chance level is drawn
    share: bool = False
    most: float = 0.0  # top of a linear axis; what is above is cut off
    needs: str = ""  # the column without which there is nothing to show


def draw(recording: Recording, table: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """All charts that have something to show, from the measures so far."""
    measured = {name: np.array(values, float) for name, values in table.items()}
    columns = {**_scalars(recording), **_authors(recording), **measured}
    out = []
    for name, chart in CHARTS.items():
        figure = _figure(recording, chart, columns)
        if figure:
            out.append({"id": name, "title": words()[f"chart.{name}"], "figure": figure, "x": "step"})
    return out


def _scalars(recording: Recording) -> dict[str, np.ndarray]:
    """Loss and accuracy of every step, thinned for long runs."""
    last = recording.last_step
    steps = np.unique(np.concatenate([[0], np.geomspace(1, max(1, last), MOST_POINTS).round(),
                                      np.linspace(0, last, MOST_POINTS).round()]).astype(int))
    steps = steps[steps <= last]
    return {"every": steps, "loss_all": recording.loss[steps], "accuracy_all": recording.accuracy[steps]}


def _authors(recording: Recording) -> dict[str, np.ndarray]:
    """The gap in the authors' own animation, their epochs as steps, for the five points it shows."""
    if recording.world.sampling != "five-point":
        return {}
    curve = authors_curve()
    seen = curve.epoch <= recording.last_step
    return {"epochs": curve.epoch[seen], "authors_gap": curve.gap[seen]}


def _figure(recording: Recording, chart: Chart, columns: dict[str, np.ndarray]) -> dict[str, Any] | None:
    traces = []
    last = max(1, recording.last_step)
    if chart.needs and not np.isfinite(columns.get(chart.needs, np.array([]))).any():
        return None
    for line in chart.lines:
        steps, values = columns.get(line.steps), columns.get(line.column)
        if steps is None or values is None:
            continue
        if line.column.startswith("distance_"):  # taken at some of the steps only: join those
            steps, values = steps[~np.isnan(values)], values[~np.isnan(values)]
        shown = np.where(values > 0, values, np.nan) if chart.log else values
        if not np.isfinite(shown).any():
            continue
        traces.append(_trace(line, steps, shown, chart.most))
    if not traces:
        return None
    level = MEASURES[chart.chance].chance if chart.chance else None
    layout = _layout(last, chart)
    if level:
        layout["shapes"], chance_note = _chance(level(recording.world), last)
        layout["annotations"] = [chance_note]
    return {"data": traces, "layout": layout}


def _trace(line: Line, steps: np.ndarray, values: np.ndarray, most: float) -> dict[str, Any]:
    name, highest = words()[f"line.{line.column}"], values[np.isfinite(values)].max()
    if most and highest > most:  # its top is cut off, so that shares beside it can be read
        name = say("line.beyond", name=name, most=f"{highest:.2g}")
    return {
        "type": "scatter", "mode": "lines", "x": np.maximum(steps, 0.5).tolist(), "y": wire.significant(values),
        "line": {"color": line.colour, "width": line.width, "dash": line.dash}, "connectgaps": False,
        "name": name,
    }


def _layout(last: int, chart: Chart) -> dict[str, Any]:
    axis = {"color": theme.MUTE, "gridcolor": theme.GRID, "zeroline": False, "showline": False, "ticks": "",
            "tickfont": {"size": 10}, "fixedrange": True}
    y: dict[str, Any] = {**axis, "type": "log" if chart.log else "linear", "nticks": 4}
    if chart.log:
        y |= {"exponentformat": "none", "dtick": 1, "minorloglabels": "none"}
    if chart.most:
        y |= {"range": [-0.03 * chart.most, chart.most]}
    if chart.share:
        y |= {"range": [-0.03, 1.06], "tickvals": [0, 0.5, 1]}
    return {
        "height": HEIGHT, "margin": {"l": 40, "r": 10, "t": 6, "b": 20}, "paper_bgcolor": theme.CLEAR,
        "plot_bgcolor": theme.CLEAR, "font": {"family": theme.FONT, "size": 11, "color": theme.MUTE},
        "hovermode": False, "uirevision": "chart",
        "xaxis": {**axis, "type": "log", "range": [float(np.log10(0.5)), float(np.log10(last))], "dtick": 1,
                  "showgrid": False, "minorloglabels": "none"},
        "yaxis": y,
    }


def _chance(level: float, last: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A dotted line at the level that random directions have."""
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "layer": "below",
            "line": {"color": theme.MUTE, "width": 1, "dash": "dot"}}
    note = {"text": words()["line.chance"], "xref": "paper", "x": 0.01, "y": level, "xanchor": "left", "yanchor": "top",
            "showarrow": False, "font": {"size": 10, "color": theme.MUTE}}
    return [line], note


CHARTS: dict[str, Chart] = {
    "sheet": Chart((
        Line("sheet_offset", theme.SHEET_OFFSET), Line("far_sheet_offset", theme.SHEET_OFFSET, "longdash", 1.25),
        Line("far_dimple_amplitude", theme.DIMPLES, "dash"),
        Line("far_dimple_null_95", theme.DIMPLES, "dot", 1.25),
    )),
    "loss": Chart((Line("accuracy_all", theme.INK, steps="every"),
                   Line("loss_all", theme.MUTE, "dash", 1.5, steps="every")), log=False, most=1.15),
    "distances": Chart((
        Line("distance_free_median", theme.INK), Line("distance_on_median", theme.ON, "dash"),
        Line("distance_off_median", theme.DIMPLES, "longdash"),  # upon the first, which it mostly equals
        Line("depth_median", theme.SHEET_OFFSET, "dot", 1.25),
    )),
    "gap": Chart((Line("gap", theme.SHEET_OFFSET), Line("authors_gap", theme.INK, "dot", 1.25, steps="epochs"))),
    "normal_share": Chart((Line("gradient_normal_share", theme.DIMPLES),), log=False, share=True,
                          chance="gradient_normal_share"),
    "theory": Chart((
        Line("vertical_gradient", theme.DIMPLES), Line("predicted_vertical_gradient", theme.DIMPLES, "dot", 1.25),
        Line("normal_weight_factor", theme.SHEET_OFFSET, "dash"),
        Line("predicted_decay", theme.SHEET_OFFSET, "dashdot", 1.25),
    ), needs="predicted_vertical_gradient"),
}
