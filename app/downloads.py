"""A run's files over HTTP: the page as one file, the recording, the measures."""

import asyncio

from fastapi import Response
from fastapi.responses import StreamingResponse

from app import pick, tables
from app.shown import Shown
from app.single import single
from app.stream import Runs
from toy.errors import FieldError
from toy.link import Setup


async def page(runs: Runs, shown: Shown, frames: str) -> Response:
    """The single HTML file, sent while its frames are drawn; X-Lines says how many lines there are."""
    if not frames.isdecimal() or len(frames) > 9 or not 2 <= int(frames) <= pick.MOST:
        raise FieldError("frames", f"a whole number between 2 and {pick.MOST}", frames)
    made = await single(runs, shown, lambda last: pick.spaced(last, int(frames)))
    return StreamingResponse(made.parts(runs), media_type="text/html; charset=utf-8",
                             headers={**_named(shown.setup, "html"), "X-Lines": str(made.lines)})


async def recording(runs: Runs, setup: Setup) -> Response:
    """The recording as .npz."""
    made = await asyncio.to_thread(tables.npz, setup, await runs.recording(setup))
    return Response(made, media_type="application/octet-stream", headers=_named(setup, "npz"))


async def measures(runs: Runs, setup: Setup) -> Response:
    """All measures as .csv, once they have been taken."""
    run = await runs.finished(setup)
    made = tables.table(setup, await runs.recording(setup), run.columns)
    return Response(made, media_type="text/csv; charset=utf-8", headers=_named(setup, "csv"))


def _named(setup: Setup, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{setup.exhibit}.{kind}"', "Cache-Control": "no-store"}
