"""A recording as a plotly figure with frames, for a notebook: plays and rotates there without a server."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from app import mesh, theme, views
from app.pick import spaced
from app.sight import Look
from app.text import say, words
from toy import Recording, View, windows

FRAMES = 30


def figure(recording: Recording, view: View | None = None, steps: Sequence[int] | None = None,
           look: Look | None = None) -> go.Figure:
    """The picture of `steps` as one figure, with a slider over them and buttons to play and pause.

    steps: whole numbers from 0 to recording.last_step; by default FRAMES log-spaced ones. view, look: as on the page.
    FieldError for a step outside the recording or a view that does not fit its world.
    """
    view, look = view or View(), look or Look()
    window = windows.window(recording, view)
    chosen = spaced(recording.last_step, FRAMES) if steps is None else list(steps)
    pictures = [mesh.whole(list(views.picture(recording, window, view, step, look))) for step in chosen]
    scene = pictures[0][0]
    frames = [go.Frame(name=frame["name"], data=frame["data"], traces=frame["traces"],
                       layout={"title": {"text": _title(frame["meta"], recording)}}) for _, frame in pictures]
    out = go.Figure(scene["data"], scene["layout"], frames)
    out.for_each_trace(lambda trace: trace.update(showlegend=bool(trace.name) and trace.meta != "flips"))
    solid = window.dim == 3
    return out.update_layout(
        showlegend=True, legend={
            "orientation": "h", "x": 0, "y": 1, "yanchor": "top" if solid else "bottom", "bgcolor": theme.CLEAR,
            "itemclick": False, "itemdoubleclick": False},
        title={"text": frames[0].layout.title.text, "font": {"size": 15, "color": theme.INK}, "y": 0.97,
               "yanchor": "top"},
        height=560, margin={"l": 0, "r": 0, "t": 48, "b": 0} if solid else None, paper_bgcolor="white",
        sliders=[_slider([frame.name for frame in frames], 8 if solid else 40)],
        updatemenus=[_buttons(24 if solid else 56)],
    )


def _title(meta: dict[str, Any], recording: Recording) -> str:
    where = say("notebook.where", step=meta["step"], last=recording.last_step, accuracy=f"{meta['accuracy']:.2f}")
    return f"{where}<br><sup>{meta['caption']}</sup>"


def _slider(names: list[str], above: int) -> dict[str, Any]:
    steps = [{"label": name, "method": "animate", "args": [[name], _at_once()]} for name in names]
    return {"steps": steps, "x": 0.14, "len": 0.84, "currentvalue": {"visible": False}, "pad": {"t": above, "b": 8}}


def _buttons(above: int) -> dict[str, Any]:
    play = {"frame": {"duration": 150, "redraw": True}, "fromcurrent": True, "transition": {"duration": 0}}
    return {
        "type": "buttons", "direction": "left", "x": 0.12, "xanchor": "right", "y": 0, "yanchor": "top",
        "showactive": False, "pad": {"t": above, "r": 8},
        "buttons": [{"label": words()["player_play"], "method": "animate", "args": [None, play]},
                    {"label": words()["player_pause"], "method": "animate", "args": [[None], _at_once()]}],
    }


def _at_once() -> dict[str, Any]:
    return {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
