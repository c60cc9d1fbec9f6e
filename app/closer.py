"""The two figures of "look closer": the logit along a point's arrows, and the plane through it across the sheet."""

from collections import defaultdict
from typing import Any

import numpy as np

from app import marks, sight, theme, wire
from app.text import say, words
from toy import boundary, closer
from toy.recording import Recording
from toy.windows import Window
from toy.world import View

COLOURS = defaultdict(lambda: theme.MUTE, {"free": theme.FREE_CHART, "on": theme.ON, "off": theme.DIMPLES})
SIDE = 128  # samples a side of the plane's boundary


def look(recording: Recording, window: Window, view: View, step: int, which: int) -> dict[str, Any]:
    """Figures and words on one training point at one step; window is the picture's, whose height the plane takes."""
    lines, section = closer.look(recording, view, step, which, window.half_height)
    label = say("class.a" if recording.data.y[which] > 0 else "class.b")
    rows = [{"name": words().get(f"within.{kind}", kind), "distance": line.distance, "inside": section.inside[kind],
             "colour": COLOURS[kind]} for kind, line in lines.items()]
    return wire.plain({
        "step": step, "point": which, "count": len(recording.data.x),
        "title": say("closer.title", name=label, step=step),
        "arrows": rows, "lines": _lines(lines), "section": _plane(recording, section, step, which),
    })


def _axis(title: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": title, "standoff": 3}, "color": theme.MUTE, "gridcolor": theme.GRID, "zeroline": False,
            "nticks": 5, "fixedrange": True, **more}


def _layout(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    return {"xaxis": x, "yaxis": y, "showlegend": False, "hovermode": False, "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR, "margin": {"l": 46, "r": 10, "t": 6, "b": 34}, "dragmode": False}


def _lines(lines: dict[str, closer.Line]) -> dict[str, Any]:
    """The logit over the way from the point; rings where it changes sign."""
    most = max(float(line.length[-1]) for line in lines.values())
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": [0, most], "y": [0, 0],
         "line": {"color": theme.MUTE, "width": 1, "dash": "dot"}}
    ]
    for kind, line in lines.items():
        data.append({"type": "scatter", "mode": "lines", "name": words()[f"within.{kind}"], "connectgaps": False,
                     "x": wire.significant(line.length), "y": wire.significant(line.logit),
                     "line": {"color": COLOURS[kind], "width": 2}})
        data.append({"type": "scatter", "mode": "markers", "x": wire.significant(line.crossings),
                     "y": [0.0] * len(line.crossings), "name": words()["closer.crossing"],
                     "marker": {"symbol": "circle-open", "size": 9, "color": COLOURS[kind], "line": {"width": 2}}})
    return {"data": data, "layout": _layout(_axis(words()["closer.length"], range=[0, most]),
                                            _axis(words()["closer.logit"], automargin=True))}


def _plane(recording: Recording, section: closer.Section, step: int, which: int) -> dict[str, Any]:
    """Logit, boundary, manifold, the point and its arrows in the plane."""
    low, high = np.array(section.window.low), np.array(section.window.high)
    field = section.window.field(recording.params(step))
    curves = boundary.extract(field, section.window.low, section.window.high, SIDE)
    assert isinstance(curves, boundary.Curves)
    tone = sight.tone(field, section.window, curves, sight.Look())
    side = (high - low) / (sight.PLANE - 1)
    data: list[dict[str, Any]] = [
        {"type": "heatmap", "z": wire.pack(wire.levels(tone, 0, 255)), "x0": low[0], "dx": side[0], "y0": low[1],
         "dy": side[1], "zmin": 0, "zmax": 255, "colorscale": theme.SCALES["height"], "showscale": False,
         "zsmooth": "best", "opacity": 0.55},
        _curve(section.manifold, theme.MUTE, 1.5, "legend.manifold"),
        _curve(marks.chain(curves.vertices, curves.segments), theme.INK, 2.5, "legend.boundary"),
    ]
    for kind, head in section.arrows.items():
        ends = marks.arrow_lines(np.zeros((1, 2)), head[None], low, high, np.array([1.0, 0.7]))
        data.append(_curve(ends, COLOURS[kind], 2, f"within.{kind}"))
    style = theme.CLASSES[1 if recording.data.y[which] > 0 else -1]
    data.append({"type": "scatter", "mode": "markers", "x": [0], "y": [0], "marker": {
        "symbol": style["symbol"], "size": 11, "color": style["colour"], "line": {"color": style["line"], "width": 1}}})
    names = ("closer.along", "closer.off" if recording.world.codimension else "closer.along_2")
    axes = [_axis(words()[name], range=[low[a], high[a]]) for a, name in enumerate(names)]
    return {"data": data, "layout": _layout(*axes)}


def _curve(points: np.ndarray, colour: str, width: float, key: str) -> dict[str, Any]:
    x, y = np.asarray(points, float).reshape(-1, 2).T
    return {"type": "scatter", "mode": "lines", "x": wire.significant(x, 5), "y": wire.significant(y, 5),
            "line": {"color": colour, "width": width}, "name": words().get(key, key), "connectgaps": False}
