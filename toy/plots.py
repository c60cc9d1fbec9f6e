"""Static plots as SVG, for the report and for the page: numbers only, in colours that the page's style sets.

matplotlib, because it draws without a display, a browser or the network, and its axes are the field's own.
"""

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from toy.gallery import SIDE, Picture
from toy.intervals import Estimate

# Placeholders, replaced by the CSS variables of the same name.
INK, MUTE, LINE, ACCENT, PANEL = "#010101", "#020202", "#030303", "#040404", "#050505"
SERIES = ("#060606", "#070707", "#080808", "#090909", "#0a0a0a", "#0b0b0b")
ROLES = {INK: "ink", MUTE: "mute", LINE: "line", ACCENT: "accent", PANEL: "panel",
         **{colour: f"series-{i}" for i, colour in enumerate(SERIES)}}
A, B = "#d55e00", "#0072b2"
HEIGHT = LinearSegmentedColormap.from_list("height", ["#5e3c99", "#b2abd2", "#f4f1ea", "#9ecfc4", "#1b7a6b"])
MARKERS = "osD^vP"
TICKS = 8  # most values of a swept field that each have one
STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "dimple-lab", "font.family": "sans-serif", "font.size": 9.0,
    "text.color": INK, "axes.edgecolor": MUTE, "axes.labelcolor": INK, "xtick.color": MUTE, "ytick.color": MUTE,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7, "grid.color": LINE,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none", "legend.frameon": False,
}


def svg(figure: Figure, label: str) -> str:
    """An <svg> element that may stand inside a page; label: what a screen reader says of it."""
    out = io.StringIO()
    figure.savefig(out, format="svg", bbox_inches="tight", pad_inches=0.03, metadata={"Date": None})
    text = out.getvalue()
    box = re.search(r'viewBox="[^"]*"', text)
    text = text[text.index("<defs>") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # several figures stand in one page
    text = re.sub("|".join(ROLES), lambda found: f"var(--{ROLES[found[0]]})", text)
    text = re.sub(r"'DejaVu Sans'.*?sans-serif", "var(--text)", text)
    name = escape(label, {'"': "&quot;"})
    return f'<svg role="img" aria-label="{name}" {box[0] if box else ""}>{text}'


def strip(values: Sequence[float | None], nulls: Sequence[float | None], value: Estimate, null: Estimate) -> str:
    """A claim over seeds: a dot a seed, filled for the value and open for its null; medians as bars with intervals."""
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2, 0.8))
        axes = figure.add_subplot()
        for height, numbers, found, colour, fill in (
            (1.0, values, value, ACCENT, ACCENT), (0.0, nulls, null, MUTE, "none"),
        ):
            known = [v for v in numbers if v is not None]
            if not known:
                continue
            spread = np.linspace(-0.16, 0.16, len(known)) if len(known) > 1 else np.zeros(1)
            axes.plot(known, height + spread, "o", ms=4, alpha=0.75, clip_on=False, color=colour, mfc=fill)
            axes.plot([found.value] * 2, [height - 0.34, height + 0.34], "-", lw=2.2, color=colour)
            if math.isfinite(found.low):
                axes.plot([found.low, found.high], [height] * 2, "-", lw=1, color=colour)
        axes.set(yticks=[], ylim=(-0.55, 1.55))
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.06)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        return svg(figure, f"median {value.value:.3g}, held against {null.value:.3g}, {value.total} seeds")


def curves(x_name: str, x: Sequence[Any], columns: Mapping[str, Sequence[Estimate]], unit: str,
           law: float | None = None, log: bool = False) -> str:
    """Medians over seeds with intervals against a field; a dotted line falls like x^law from the first column.

    x: numbers, or names, which stand in their order.
    """
    names = [] if all(isinstance(value, (int, float)) for value in x) else list(map(str, x))
    x = range(len(names)) if names else x
    with rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.1))
        axes = figure.add_subplot()
        for (name, found), colour, marker in zip(columns.items(), SERIES * 4, MARKERS * 4):
            at = np.array([[e.value, e.low, e.high] for e in found], float)
            bars = np.nan_to_num(np.abs(at[:, 1:] - at[:, :1]).T)
            axes.errorbar(x, at[:, 0], bars, fmt=f"-{marker}", ms=4, lw=1.3, elinewidth=0.8, color=colour, label=name)
        first = next((np.array([e.value for e in found]) for found in columns.values()), np.array([]))
        if law is not None and len(first) and np.isfinite(first[0]):
            fall = first[0] * (np.array(x) / x[0]) ** law
            axes.plot(x, fall, ":", color=MUTE, lw=1.2, label=f"{x_name}^{law:g}")
        if names:
            axes.set_xticks(x, names)
        elif log or law is not None:
            _log_axis(axes, "x", x)
            if axes.get_xscale() == "log" and len(set(x)) <= TICKS:
                axes.xaxis.set_major_locator(FixedLocator(sorted(set(x))))
        if law is not None:
            _log_axis(axes, "y", [e.value for found in columns.values() for e in found])
        axes.set(xlabel=x_name, ylabel=unit if unit != "1" else "")
        axes.grid(lw=0.5)
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.02))
        return svg(figure, f"{', '.join(columns)} against {x_name}")


def _log_axis(axes: Axes, side: str, values: Sequence[float]) -> None:
    known = [v for v in values if math.isfinite(v)]
    if not known or min(known) <= 0:
        return
    wide = max(known) / min(known) > 30
    getattr(axes, f"set_{side}scale")("log")
    axis = getattr(axes, f"{side}axis")
    axis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def scatter(x_name: str, y_name: str, rows: Mapping[str, tuple[Estimate, Estimate]]) -> str:
    """Rows of the table as points with intervals, a colour and a marker each.

    Rows named "NAME, STRENGTH" share a name's look, are joined by a line in their order and grow along it.
    """
    lines: dict[str, list[tuple[Estimate, Estimate]]] = {}
    for row, (x, y) in rows.items():
        if math.isfinite(x.value) and math.isfinite(y.value):
            lines.setdefault(row.rpartition(", ")[0] or row, []).append((x, y))
    with rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.4))
        axes = figure.add_subplot()
        looks = [(colour, marker) for marker in MARKERS for colour in SERIES]
        for (name, line), (colour, marker) in zip(lines.items(), looks * 4):
            axes.plot([x.value for x, _ in line], [y.value for _, y in line], "-", color=colour, lw=0.8, alpha=0.6)
            for size, (x, y) in zip((4, 6, 8) if len(line) > 1 else (6,), line):
                axes.errorbar([x.value], [y.value], _bars(y), _bars(x), fmt=marker, ms=size, elinewidth=0.8,
                              color=colour, label=name if (x, y) == line[0] else None)
        axes.set(xlabel=x_name, ylabel=y_name)
        axes.grid(lw=0.5)
        axes.margins(0.08)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.02))
        return svg(figure, f"{y_name} against {x_name}")


def _bars(found: Estimate) -> Any:
    return np.nan_to_num([[found.value - found.low], [found.high - found.value]])


def thumb(shown: Picture, label: str, most: float = 0.0) -> str:
    """A run's end: the height over the manifold in colour, or as a curve for one parameter. most: end of the scale."""
    values = np.array([math.nan if v is None else v for v in shown.values])
    known = np.abs(values[np.isfinite(values)])
    most = most or (float(known.max()) if len(known) else 1.0) or 1.0
    u, y, right = np.array(shown.u), np.array(shown.y), np.array(shown.right)
    with rc_context(STYLE):
        figure = Figure(figsize=(1.7, 1.7) if len(shown.box) == 2 else (1.7, 1.1))
        axes = figure.add_axes((0, 0, 1, 1))
        if len(shown.box) == 2:
            (left, end), (low, high) = shown.box
            axes.imshow(values.reshape(SIDE, SIDE).T, cmap=HEIGHT, vmin=-most, vmax=most, origin="lower",
                        extent=(left, end, low, high), aspect="auto", interpolation="bilinear")
            place = u[:, 1]
        else:
            axes.plot(np.linspace(shown.box[0][0], shown.box[0][1], SIDE), values, color=ACCENT, lw=1.5)
            axes.axhline(0, color=MUTE, lw=0.7)
            axes.set_ylim(-1.1 * most, 1.1 * most)
            place = np.zeros(len(u))
        for sign, colour, marker in ((1, A, "o"), (-1, B, "D")):
            for side, fill in ((right, colour), (~right, "none")):
                own = (y == sign) & side
                axes.plot(u[own, 0], place[own], marker, ms=4, mec=colour, mfc=fill, mew=1.1, clip_on=False)
        axes.set_axis_off()
        axes.margins(0.06)
        return svg(figure, label)


__all__ = ["curves", "scatter", "strip", "svg", "thumb"]
