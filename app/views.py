"""(recording, window, step) -> plotly scene and frame. `sight` has computed; here it is only drawn.

A scene is a whole figure; a frame holds the traces that change from step to step. Both come from the same list of
traces, so a frame can never disagree with the scene it is put into.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from app import marks, mesh, theme, wire
from app.sight import PLANE, Look, Sight, box, manifold_lines, see
from app.text import say, words
from toy.recording import Recording
from toy.windows import Window
from toy.world import View

SURFACE = {  # what its colour means: of the boundary in space, of the field in the plane
    "height": ("legend.boundary", "legend.logit"),
    "gradient": ("legend.boundary_steep", "legend.slope"),
    "plain": ("legend.boundary", ""),
}
LEGEND = {  # what the arrows mean: (the dark ones, the brown ones)
    "free": ("legend.arrow", ""),
    "parts": ("legend.part_off", "legend.part_on"),
    "split": ("legend.arrow_off", "legend.arrow_on"),
    "none": ("", ""),
}

Trace = dict[str, Any]
Picture = dict[str, Any]


def picture(
    recording: Recording, window: Window, view: View, step: int, look: Look, pause: Callable[[], None] = lambda: None,
    most_arrows: int | None = None,
) -> tuple[Picture, Picture]:
    """(scene, frame) of one step: the whole figure, and what of it changes from step to step; the rest as in `see`."""
    sight = see(recording, window, view, step, look, pause, most_arrows)
    pause()
    draw, layout = VIEWS[window.dim]
    traces = draw(recording, window, sight, look)
    moving = [i for i, (_, changing) in enumerate(traces) if changing]
    laid_out = layout(window, look)
    laid_out["meta"]["points"] = wire.columns(sight.points, np.array(window.low), np.array(window.high))
    scene = {"data": [{**fixed, **changing} for fixed, changing in traces], "layout": laid_out}
    frame = {
        "name": str(step),
        "traces": moving,
        "data": [{"type": traces[i][0]["type"], **traces[i][1]} for i in moving],
        "meta": meta(recording, window, sight, look),
    }
    return scene, frame


def meta(recording: Recording, window: Window, sight: Sight, look: Look) -> dict[str, Any]:
    """Step, loss, accuracy, a caption and the numbers of a frame."""
    step, loss, accuracy = sight.step, recording.loss[sight.step], recording.accuracy[sight.step]
    ends = np.asarray(sight.on_heads if look.arrows == "parts" else sight.heads)
    lengths = np.linalg.norm(ends - sight.tails, axis=1)
    lengths = lengths[np.isfinite(lengths)] if exaggeration(window, look) else lengths[:0]
    rows = [("loss", loss, ""), ("accuracy", accuracy, "1")]
    if len(lengths):
        rows.append(("arrow", np.median(lengths), "length"))
    return wire.plain({
        "step": step,
        "accuracy": float(accuracy),
        "loss": float(loss),
        "caption": caption(window, sight),
        "seen": sight.seen,
        # where points that the boundary hides show themselves: marks of the page go there too
        "lift": {i: round(float(sight.tops[i, 2]), 5) for i in np.flatnonzero(np.isfinite(sight.tops[:, 2]))},
        "numbers": [
            {"name": name, "label": say(f"number.{name}"), "value": value, "chance": None, "unit": unit}
            for name, value, unit in rows
        ],
    })


def caption(window: Window, sight: Sight) -> str:
    """A sentence or two on what the picture shows now."""
    if sight.seen:
        wrong, hidden = int(sight.wrong.sum()), int(sight.hidden)
        key = "caption.all_right" if not wrong else "caption.wrong" if wrong > 1 else "caption.wrong_one"
        text = say(key, wrong=wrong, count=len(sight.wrong))
        text += "" if len(sight.surface.vertices) else " " + say("caption.cut_away")
        return text + (" " + say("caption.hidden", count=hidden, total=len(sight.heads)) if hidden else "")
    signs = np.where(sight.wrong, -sight.labels, sight.labels)
    if np.all(signs == signs[0]):
        return say("caption.no_boundary_one_side", name=say("class.a" if signs[0] > 0 else "class.b"))
    return say("caption.no_boundary")


def exaggeration(window: Window, look: Look) -> float | None:
    """How many times larger lengths look along the last axis than the first; None if parameters are no lengths."""
    if window.kind == "unrolled" and not window.world.geometry.flat:
        return None
    shown = aspect(window, look.vertical) / (np.array(window.high) - np.array(window.low))
    return float(shown[-1] / shown[0])


def fitted(window: Window, vertical: str) -> bool:
    """Whether a flat picture may stretch its last axis: not where that is no height above a straight manifold."""
    world = window.world
    return vertical == "fitted" and (window.kind != "ambient" or (world.geometry.flat and world.codimension > 0))


def aspect(window: Window, vertical: str) -> np.ndarray:
    """Sides of the drawn box: true to scale, or with the height fitted to the picture."""
    span = np.array(window.high) - np.array(window.low)
    if window.dim == 2:
        return np.array([1.0, 0.62]) if fitted(window, vertical) else np.array([1.0, span[1] / span[0]])
    base = np.array([theme.ASPECT[axis] for axis in "xyz"])
    if window.kind == "unrolled" and not window.world.geometry.flat:
        return base if vertical == "fitted" else base * [1, 1, span[2] / span[:2].max() / 0.58]
    true = span / span[: 2 if window.world.geometry.flat else 3].max() * base[0]
    if vertical == "true" or not window.world.geometry.flat:
        return true
    return np.array([*true[:2], np.clip(true[2], base[2], 1.1)])


# -- traces: pairs (what stays, what changes) ------------------------------------------------------------------------


def _points(sight: Sight, window: Window, kind: str) -> list[tuple[Trace, Trace]]:
    """The training points, a trace a class; colour and symbol both tell the class."""
    low, high = np.array(window.low), np.array(window.high)
    out: list[tuple[Trace, Trace]] = []
    for label, key in ((1, "class.a"), (-1, "class.b")):
        style, own = theme.CLASSES[label], sight.points[sight.labels == label]
        size = 5.5 if window.dim == 3 else 10
        marker = {"color": style["colour"], "symbol": style["symbol"], "size": size - 0.5 * (label < 0),
                  "line": {"color": style["line"], "width": 1}, "opacity": 1}
        out.append(({"type": kind, "mode": "markers", "name": words()[key], "marker": marker,
                     "hovertemplate": say("hover.point", name=words()[key]) + "<extra></extra>",
                     "customdata": np.flatnonzero(sight.labels == label).tolist(),
                     **wire.columns(own, low, high)}, {}))
    return out


def _line(kind: str, colour: str, width: float, name: str | None = None, dash: str = "solid", **more: Any) -> Trace:
    """A line trace without hover."""
    return {"type": kind, "mode": "lines", "line": {"color": colour, "width": width, "dash": dash},
            "hoverinfo": "skip", "showlegend": False, "connectgaps": False, **({"name": name} if name else {}), **more}


def _rings(window: Window, kind: str, places: np.ndarray) -> tuple[Trace, Trace]:
    """The mark of points on the wrong side, a ring at each of these places."""
    wide = 11 if window.dim == 3 else 19
    fixed = {"type": kind, "mode": "markers", "name": words()["legend.wrong"], "hoverinfo": "skip",
             "marker": {"symbol": "circle-open", "size": wide, "color": theme.INK,
                        "line": {"width": 2, "color": theme.INK}}}
    return fixed, wire.columns(places, np.array(window.low), np.array(window.high))


def _flips(kind: str, dim: int) -> tuple[Trace, Trace]:
    """The mark of points that an attack within eps flips; the page fills it."""
    return {"type": kind, "mode": "markers", "meta": "flips", "name": words()["legend.flips"], "showlegend": False,
            "hoverinfo": "skip",
            "marker": {"symbol": "square-open", "size": 8 if dim == 3 else 23, "color": theme.FLIP,
                       "line": {"width": 2, "color": theme.FLIP}}, **{axis: [] for axis in "xyz"[:dim]}}, {}


def solid(recording: Recording, window: Window, sight: Sight, look: Look) -> list[tuple[Trace, Trace]]:
    """The traces of a 3-D picture."""
    low, high = np.array(window.low), np.array(window.high)
    hidden = np.isfinite(sight.tops[:, 2])
    stalks = marks.segments(sight.points[hidden], sight.tops[hidden])
    traces = [
        _surface(window, sight, look),
        (_line("scatter3d", theme.INK, 4), wire.columns(_profile(window, sight, look), low, high)),
        ({**_line("scatter3d", theme.MUTE, 1.5, words()["legend.manifold"]),
          **wire.columns(manifold_lines(recording, window), low, high)}, {}),
        *_points(sight, window, "scatter3d"),
        (_line("scatter3d", theme.MUTE, 2), wire.columns(stalks, low, high)),
    ]
    for label in (1, -1):
        style = theme.CLASSES[label]
        which = np.flatnonzero(hidden & (sight.labels == label))
        ghost = {"type": "scatter3d", "mode": "markers", "showlegend": False, "hoverinfo": "none",
                 "name": words()["legend.under"] if label > 0 else "",
                 "marker": {"color": style["colour"], "symbol": style["open"], "size": 5,
                            "line": {"width": 2, "color": style["colour"]}}}
        traces.append((ghost, {**wire.columns(sight.tops[which], low, high), "customdata": which.tolist()}))
    wrong = np.concatenate([sight.points[sight.wrong], sight.tops[sight.wrong & hidden]])
    traces += [_rings(window, "scatter3d", wrong), _flips("scatter3d", 3)]
    first, second = LEGEND[look.arrows]
    shape = aspect(window, look.vertical)
    for tails, heads, colour, key in ((sight.tails, sight.heads, theme.FREE, first),
                                      (sight.on_tails, sight.on_heads, theme.ON, second)):
        if not len(tails):
            continue
        fixed = {"type": "mesh3d", "name": words()[key], "color": colour, "hoverinfo": "skip", "flatshading": True,
                 "lighting": {**theme.LIGHT, "ambient": 0.9}, **wire.triangles(marks.arrow_faces(len(tails)))}
        traces.append((fixed, wire.columns(marks.arrow_mesh(tails, np.asarray(heads), low, high, shape), low, high)))
    return traces


def _surface(window: Window, sight: Sight, look: Look) -> tuple[Trace, Trace]:
    """The boundary mesh; without one, a triangle of no size, as plotly would invent faces for an empty list."""
    low = np.array(window.low)
    steep = look.colour == "gradient"
    fixed = {
        "type": "mesh3d", "name": words()[SURFACE[look.colour][0]], "colorscale": theme.SCALES[look.colour],
        "cmin": 0 if steep else window.low[2], "cmax": 255 if steep else window.high[2],
        "showscale": False, "lighting": theme.LIGHT, "lightposition": theme.LIGHT_FROM, "hoverinfo": "skip",
        "opacity": 1,
    }
    if len(sight.surface.faces):
        return fixed, mesh.folded(sight.surface, box(window, look)[0], sight.tone if steep else None)
    point = wire.columns(np.repeat(low[None], 3, 0), low, np.array(window.high))
    return fixed, {**point, **wire.triangles(np.array([[0, 1, 2]])), "intensity": point["z"]}


def _profile(window: Window, sight: Sight, look: Look) -> np.ndarray:
    """The line in which a cut-away boundary meets the cut."""
    if look.cut == "0" or not len(sight.surface.faces):
        return np.zeros((0, 3))
    vertices, faces = sight.surface.vertices, sight.surface.faces
    front = vertices[:, 1].min()
    span = window.high[1] - window.low[1]
    on = (vertices[:, 1] < front + 1e-6 * span) & (front < (window.low[1] + window.high[1]) / 2 + 2e-3 * span)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return marks.chain(vertices, np.unique(np.sort(edges[on[edges].all(1)], axis=1), axis=0))


def flat(recording: Recording, window: Window, sight: Sight, look: Look) -> list[tuple[Trace, Trace]]:
    """The traces of a 2-D picture."""
    low, high = np.array(window.low), np.array(window.high)
    shape = aspect(window, look.vertical)
    field = {"type": "heatmap", "colorscale": theme.SCALES[look.colour], "zmin": 0, "zmax": 255, "showscale": False,
             "name": words().get(SURFACE[look.colour][1], ""), "hoverinfo": "skip", "zsmooth": "best",
             "opacity": 0.55 if look.colour != "plain" else 0,
             "x0": low[0], "dx": (high[0] - low[0]) / (PLANE - 1), "y0": low[1], "dy": (high[1] - low[1]) / (PLANE - 1)}
    curve = marks.chain(sight.surface.vertices, sight.surface.segments)
    traces: list[tuple[Trace, Trace]] = [
        (field, {"z": wire.pack(wire.levels(sight.tone, 0, 255))}),
        ({**_line("scatter", theme.MUTE, 1.5, words()["legend.manifold"]),
          **wire.columns(manifold_lines(recording, window), low, high)}, {}),
        (_line("scatter", theme.INK, 2.5, words()["legend.boundary"]), wire.columns(curve, low, high)),
    ]
    first, second = LEGEND[look.arrows]
    for tails, heads, colour, dash, key in ((sight.tails, sight.heads, theme.DIMPLES, "solid", first),
                                            (sight.on_tails, sight.on_heads, theme.ON, "dash", second)):
        if len(tails):
            lines = marks.arrow_lines(tails, np.asarray(heads), low, high, shape)
            traces.append((_line("scatter", colour, 1.75, words()[key], dash), wire.columns(lines, low, high)))
    rings = _rings(window, "scatter", sight.points[sight.wrong])
    return [*traces, *_points(sight, window, "scatter"), rings, _flips("scatter", 2)]


# -- layouts ---------------------------------------------------------------------------------------------------------


def _common(window: Window, look: Look) -> dict[str, Any]:
    """Layout shared by all pictures; the exaggeration is written on it."""
    times = exaggeration(window, look)
    text = (say("picture.parameters") if times is None else say("picture.true_scale") if abs(times - 1) < 0.08
            else say("picture.exaggerated", times=f"{times:.2g}"))
    note = {"text": text, "xref": "paper", "yref": "paper", "x": 0.99, "y": 0.995, "xanchor": "right",
            "yanchor": "top", "showarrow": False, "font": {"size": 12, "color": theme.MUTE}}
    return {
        "uirevision": "picture", "paper_bgcolor": theme.CLEAR, "plot_bgcolor": theme.CLEAR, "showlegend": False,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0}, "font": {"family": theme.FONT, "size": 12, "color": theme.MUTE},
        "annotations": [note], "hovermode": "closest",
        "meta": {"kind": window.kind, "low": list(window.low), "high": list(window.high), "exaggeration": times},
    }


def solid_layout(window: Window, look: Look) -> dict[str, Any]:
    """Layout of a 3-D picture: pale grid, no axis planes, ranges and aspect fixed for the whole animation."""
    shape = aspect(window, look.vertical)
    axes = {
        f"{name}axis": {
            "range": [window.low[a], window.high[a]], "title": {"text": window.labels[a]}, "autorange": False,
            "showbackground": False, "gridcolor": theme.GRID, "zeroline": False, "showspikes": False,
            "color": theme.MUTE, "nticks": 4 if a == 2 else 5,
        }
        for a, name in enumerate("xyz")
    }
    box = {"aspectmode": "manual", "aspectratio": dict(zip("xyz", shape.tolist(), strict=True)),
           "camera": theme.CAMERA, "dragmode": "turntable", "uirevision": "picture", **axes}
    return {**_common(window, look), "scene": box}


def flat_layout(window: Window, look: Look) -> dict[str, Any]:
    """Layout of a 2-D picture."""
    def axis(a: int) -> dict[str, Any]:
        return {"range": [window.low[a], window.high[a]], "title": {"text": window.labels[a], "standoff": 4},
                "gridcolor": theme.GRID, "zeroline": False, "color": theme.MUTE, "nticks": 6, "autorange": False}

    tied = {} if fitted(window, look.vertical) else {"scaleanchor": "x", "scaleratio": 1}
    return {**_common(window, look), "margin": {"l": 56, "r": 16, "t": 12, "b": 62}, "dragmode": "pan",
            "xaxis": axis(0), "yaxis": {**axis(1), **tied}}


Draw = Callable[[Recording, Window, Sight, Look], list[tuple[Trace, Trace]]]
Layout = Callable[[Window, Look], dict[str, Any]]

VIEWS: dict[int, tuple[Draw, Layout]] = {2: (flat, flat_layout), 3: (solid, solid_layout)}
