"""A frame of an export: the player's capture against kaleido, on the same figures of the hero world in one run."""

import os
import time
from pathlib import Path

import kaleido
import numpy as np
import plotly.graph_objects as go

from app import browser, export, mesh, views
from app.pick import spaced
from app.shown import Shown
from app.sight import Look
from toy import simulate, windows
from toy.link import build

FRAMES = 12
SIZE = (800, 600)


def _figures(steps: list[int]) -> list[go.Figure]:
    setup = build("dimpled-sheet", {})
    recording = simulate(setup.world, setup.knobs)
    window = windows.window(recording, setup.view)
    scenes = [views.picture(recording, window, setup.view, step, Look())[0] for step in steps]
    return [go.Figure(mesh.whole(scene)) for scene in scenes]


def _kaleido(figures: list[go.Figure]) -> float:
    """Median seconds a frame with its browser kept open, the first one left out."""
    os.environ.setdefault("BROWSER_PATH", browser.find())
    kaleido.start_sync_server(n=1)
    try:
        taken = []
        for figure in figures:
            began = time.perf_counter()
            kaleido.calc_fig_sync(figure.to_dict(), opts={"format": "png", "width": SIZE[0], "height": SIZE[1]})
            taken.append(time.perf_counter() - began)
    finally:
        kaleido.stop_sync_server()
    return float(np.median(taken[1:]))


def bench() -> dict[str, float]:
    """Seconds a frame of 800 x 600, encoded: in a GIF and as PNG by the player, as PNG by kaleido."""
    job = export.Job(Shown(build("dimpled-sheet", {})), {"png": Path("never-written.png")}, frames=FRAMES, size=SIZE)
    text, steps, _ = export.gathered(job)
    figures = _figures(spaced(steps[-1], FRAMES))
    size = {"width": SIZE[0], "height": SIZE[1]}
    with export.player(text, job) as page:
        page.evaluate(export.PNG, size)
        began = time.perf_counter()
        gif = page.evaluate(export.GIF, {**size, "steps": steps, "fps": 12, "turn": 0})
        gifs = (time.perf_counter() - began) / len(steps)
        pngs = []
        for step in steps:
            began = time.perf_counter()
            page.evaluate(export.PNG, {**size, "step": step})
            pngs.append(time.perf_counter() - began)
    peer = _kaleido(figures)
    return {
        "gif_s_per_frame": gifs, "png_s_per_frame": float(np.median(pngs)), "kaleido_s_per_frame": peer,
        "gif_times_faster": peer / gifs, "png_times_faster": peer / float(np.median(pngs)),
        "gif_kB_per_frame": len(gif) * 0.75 / 1000 / len(steps),
    }
