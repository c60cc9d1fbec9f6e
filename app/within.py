"""Attacks within eps: what the page needs to mark the points that flip, and robust accuracy against eps as a chart."""

from typing import Any

import numpy as np

from app import theme, wire
from app.text import words
from toy import bounded
from toy.recording import Recording

LOW = 1e-3  # left end of the eps axis, of the manifold's extent, which is its right end
STYLES = {"free": (theme.FREE_CHART, "solid"), "on": (theme.ON, "solid"), "off": (theme.DIMPLES, "solid"),
          "random": (theme.ON, "dot")}  # the null of "on" in its colour


def within(recording: Recording, step: int) -> dict[str, Any]:
    """Distances at which points flip, by space (None where nothing flips a point), and the chart of one step.

    Sent once a step: which of them an eps reaches, the page decides itself.
    """
    extent = recording.world.geometry.extent
    spaces = [space for space in bounded.SPACES if space != "off" or recording.world.codimension]
    far = {space: bounded.distances(recording, step, space) for space in spaces}
    ends = float(LOW * extent), float(extent)
    traces = [_curve(space, far[space], ends) for space in spaces]
    return {
        "step": step, "low": ends[0], "high": ends[1],
        "spaces": {space: words()[f"within.{space}"] for space in spaces},
        "far": {space: wire.significant(values, 5) for space, values in far.items()},
        "figure": {"data": traces, "layout": _layout(ends)},
    }


def _curve(space: str, far: np.ndarray, ends: tuple[float, float]) -> dict[str, Any]:
    """Share of points further away than eps: a staircase over the distances, highest at the left."""
    eps = np.sort(far[(far > ends[0]) & (far < ends[1])])
    eps = np.concatenate([[ends[0]], eps, [ends[1]]])
    share = (far[None] > eps[:, None]).mean(1)
    colour, dash = STYLES[space]
    return {"type": "scatter", "mode": "lines", "name": words()[f"within.{space}"], "x": wire.significant(eps, 5),
            "y": wire.significant(share), "line": {"color": colour, "dash": dash, "width": 2, "shape": "hv"},
            "hoverinfo": "skip"}


def _layout(ends: tuple[float, float]) -> dict[str, Any]:
    return {"xaxis": {"type": "log", "range": np.log10(ends).tolist(), "dtick": 1, "exponentformat": "none"},
            "yaxis": {"range": [-0.03, 1.06], "tickvals": [0, 0.5, 1]}}
