"""The server: Dash's page and the player's routes on one FastAPI application."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from string import Template
from typing import Any, cast

import numpy as np
from dash import Dash
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from plotly.offline import get_plotlyjs
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from app import callbacks, downloads, guard, layout, lessons, shown, wire
from app.language import Language
from app.limits import Limits
from app.quiet import Urgency
from app.run import Run
from app.shared import Busy, Shared
from app.sight import LOOKS, Look
from app.stream import RunFailed, Runs
from app.studies import Studies, about, fields
from app.text import language, say, told, words
from toy import FieldError, own
from toy.cache import use_compilation_cache
from toy.errors import one_of
from toy.exhibits import EXHIBITS
from toy.link import Setup, build, parse
from toy.training import clean_data

ASSETS = Path(__file__).resolve().parent.parent / "assets"
PLOTLY = f"/api/plotly-{metadata.version('plotly')}.js"
ASKED = ("draft", "point", "seeds", "vary", "values")  # what a request says beside a link
FILE = 1_000_000  # bytes of a file of points
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}

INDEX = """<!DOCTYPE html>
<html lang="$lang">
  <head>
    $metas
    <title>$title</title>
    <link rel="icon" href="data:image/svg+xml,$icon">
    $css
    <script>window.DIMPLE_TEXT = $text; window.DIMPLE_RANGES = $ranges; window.DIMPLE_PLOTLY = "$plotly";
      window.DIMPLE_LESSONS = $lessons; window.DIMPLE_LOOKS = $looks;</script>
    <script>$fetch</script>
    <script src="$plotly" defer></script>
  </head>
  <body>
    <div id="react-entry-point"></div>
    <footer>$config$scripts$renderer</footer>
  </body>
</html>"""
# All the page asks for comes in the page's language, whatever the browser's own is; what a control says is said again
# until the server hears it.
FETCH = """
      const ask = window.fetch;
      const accept = { "Accept-Language": document.documentElement.lang };
      window.fetch = async (what, how) => {
        for (;;) {
          try {
            return await ask(what, { ...how, headers: { ...how?.headers, ...accept } });
          } catch (error) {
            if (how?.signal?.aborted || !String(what).includes("_dash-update-component")) throw error;
            document.dispatchEvent(new CustomEvent("dimple:unheard"));
            await new Promise((go) => setTimeout(go, 1000));
          }
        }
      };
    """
ICON = (
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Cpath d='M2 12q5 0 9 7t10 0q4-7 9-7' fill='none' stroke='%231b7a6b' stroke-width='4'/%3E"
    "%3Ccircle cx='16' cy='9' r='4' fill='%23d55e00'/%3E%3C/svg%3E"
)


def create(limits: Limits | None = None, executor: Executor | None = None, warm: bool = True,
           classroom: str = "", hosts: Sequence[str] = ("*",)) -> FastAPI:
    """The whole application; `warm` trains the first exhibit at the start, so that the first visitor waits little.

    classroom: the address others on the network open; "" when only this machine can. hosts: the names it answers to.
    """
    use_compilation_cache()
    runs = Runs(limits, executor)
    studies = Studies(runs.limits, runs.drawings.quiet)

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        if warm:
            runs.warm(build(next(iter(EXHIBITS)), {}))  # never left: nobody's leaving may cancel it
        yield
        runs.close()
        studies.close()

    server = FastAPI(title=words()["app.name"], lifespan=alive, docs_url=None, redoc_url=None, openapi_url=None)
    server.state.runs, server.state.studies = runs, studies
    server.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    server.add_middleware(guard.Guard)
    server.add_middleware(Language)
    server.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    _errors(server)
    _pictures(server, runs, studies)
    _studies(server, studies)
    _points(server)
    _files(server, runs)
    _page(server, classroom)
    return server


class Page(Dash):
    """Dash whose first answer is in the visitor's language."""

    def interpolate_index(self, **parts: Any) -> str:  # type: ignore[override]
        """The HTML of the page, before any script has run."""
        own = {"title": words()["app.name"], "lang": language(), "text": wire.script(words())}
        return Template(INDEX).substitute(
            parts, **own, icon=ICON, plotly=PLOTLY, ranges=wire.script(layout.ranges()), fetch=FETCH,
            lessons=wire.script(lessons.script()), looks=wire.script(list(LOOKS)))


def _page(server: FastAPI, classroom: str) -> Dash:
    """Dash on the same server; everything it loads comes from here."""
    app = Page(
        "dimple-lab", server=cast(Any, server), backend="fastapi", assets_folder=str(ASSETS),
        assets_path_ignore=["vendor"], update_title="", description=words()["app.description"], serve_locally=True,
    )
    app.backend.websocket_capability = False  # the page's few callbacks go over plain HTTP
    app.layout = partial(layout.page, classroom)
    callbacks.register(app, classroom)
    return app


def _errors(server: FastAPI) -> None:
    """Wrong input is 400 with field, allowed and got; too much to do is 503; all in plain words."""

    @server.exception_handler(FieldError)
    async def wrong(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, FieldError)
        message, allowed = told(error)
        return JSONResponse({"event": "error", "field": error.field, "allowed": allowed,
                             "got": str(error.got)[:200], "message": message, "advice": ""}, 400)

    @server.exception_handler(RunFailed)
    async def failed(_: Request, error: Exception) -> JSONResponse:
        return _told(str(error), 400)

    @server.exception_handler(Busy)
    async def busy(_: Request, error: Exception) -> JSONResponse:
        return _told(str(error), 503, {"Retry-After": "5"})

    @server.exception_handler(HTTPException)
    async def elsewhere(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            takes = headers.get("Allow", "GET")
            return _told(say("error.method", takes=takes, came=request.method), 405, headers)
        return _told(words()["error.nothing"] if error.status_code == 404 else error.detail, error.status_code, headers)

    @server.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        return _told(words()["error.server"], 500)  # and the whole of it in the log


def _told(message: str, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error that is no field's."""
    return JSONResponse({"event": "error", "field": None, "message": message, "advice": ""}, status, headers)


def _query(request: Request, runs: int = 1) -> str:
    """A request's query string, of so many runs; FieldError for an endless one."""
    most = runs * request.app.state.runs.limits.link
    if len(request.url.query) > most:
        raise FieldError("link", say("error.long_link", most=most), f"{len(request.url.query)}")
    return request.url.query


def _setup(request: Request) -> Setup:
    """The setup of a request's query string; FieldError for a wrong, misspelt or endless one."""
    query = _query(request)
    shown.known(shown.asked(query), (*shown.RUN, *shown.VIEWED, *ASKED))
    return parse(query)


def _whole(name: str, text: str) -> int:
    """A number of a step or point; FieldError when it is none."""
    if not text.isdecimal() or len(text) > 9:
        raise FieldError(name, "a whole number from 0 on", text)
    return int(text)


def _look(request: Request) -> Look:
    """How the picture is drawn."""
    return Look(**{name: request.query_params[name] for name in LOOKS if name in request.query_params})


def _pictures(server: FastAPI, runs: Runs, studies: Studies) -> None:
    """Runs as they train, and what of a step is looked at."""
    askers = Askers()

    @server.get("/api/run")
    async def run(request: Request) -> StreamingResponse:
        return _stream(request, runs, runs.join(_setup(request)))

    @server.get("/api/frame")
    async def frame(request: Request, step: str = "", draft: str = "0") -> Response:
        setup, at, look = _setup(request), _whole("step", step), _look(request)
        if draft not in ("0", "1"):
            raise FieldError("draft", one_of(("0", "1")), draft)
        said = request.headers.get("priority")
        urgency = Urgency(said) if said in set(Urgency) else Urgency.NOW

        async def drawn() -> bytes:
            if urgency is Urgency.SPARE:
                await runs.spare_time(studies)
            return await (runs.draft(setup, at, look) if draft == "1" else runs.picture(setup, at, look, urgency))

        work = asyncio.create_task(drawn())
        asker = request.headers.get("x-asker")
        if asker and urgency is Urgency.NOW:
            askers.asks(asker, work)
        return await _while_there(request, work)

    @server.get("/api/scene")
    async def scene(request: Request) -> Response:
        return await _while_there(request, asyncio.create_task(runs.picture(_setup(request), None, _look(request))))

    @server.get("/api/within")
    async def within(request: Request, step: str = "") -> Response:
        return await _while_there(request, asyncio.create_task(runs.within(_setup(request), _whole("step", step))))

    @server.get("/api/closer")
    async def closer(request: Request, step: str = "", point: str = "") -> Response:
        setup, at, which = _setup(request), _whole("step", step), _whole("point", point)
        return await _while_there(request, asyncio.create_task(runs.closer(setup, at, which)))


def _studies(server: FastAPI, studies: Studies) -> None:
    """Experiments and sweeps over seeds."""

    @server.get("/api/experiment")
    async def experiment(request: Request) -> JSONResponse:
        return JSONResponse({**about(_setup(request)), "fields": fields(), "limits": {
            "seeds": studies.limits.study_seeds, "sweep": studies.limits.sweep_runs}})

    @server.get("/api/evidence")
    async def evidence(request: Request, seeds: str = "1") -> StreamingResponse:
        return _stream(request, studies, studies.evidence(_setup(request), seeds))

    @server.get("/api/sweep")
    async def sweep(request: Request) -> StreamingResponse:
        # Off the loop: a sweep of runs that come from others takes a second to plan.
        planned = await asyncio.to_thread(studies.sweep, _setup(request), request.query_params)
        return _stream(request, studies, planned)


def _points(server: FastAPI) -> None:
    """Training points, to be placed and read from a file."""

    @server.get("/api/points")
    async def points(request: Request) -> dict[str, Any]:
        setup = _setup(request)
        data = await asyncio.to_thread(clean_data, setup.world, setup.knobs)
        low, high = zip(*setup.world.geometry.domain)
        u = np.clip(data.u, low, high)  # the authors' fifth point lies beyond the line's end
        message = say("board.ends") if (u != np.asarray(data.u)).any() else ""
        if setup.world.point_count > own.MOST:
            return {"low": low, "high": high, "points": "", "message": say("board.many", most=own.MOST)}
        return {"low": low, "high": high, "points": own.text(u, np.asarray(data.y)), "message": message}

    @server.post("/api/points")
    async def placed(request: Request) -> dict[str, str]:
        setup, body = _setup(request), b""
        async for part in request.stream():
            body += part
            if len(body) > FILE:
                raise FieldError("file", f"at most {FILE} bytes", len(body))
        # Off the loop: as many points as there may be take a second.
        read = partial(own.read_csv, body.decode(errors="replace"), setup.world.geometry, setup.world.n)
        return {"points": await asyncio.to_thread(read, setup.knobs.offset)}


def _files(server: FastAPI, runs: Runs) -> None:
    """What is kept as a file; plotly's script; and, last, that there is nothing else under /api."""

    @server.get("/api/export.html")
    async def page(request: Request, frames: str = "60") -> Response:
        _query(request, 2)  # refuses an endless one
        return await downloads.page(runs, shown.read(request.url.remove_query_params("frames").query), frames)

    @server.get("/api/export.npz")
    async def recording(request: Request) -> Response:
        return await downloads.recording(runs, _setup(request))

    @server.get("/api/export.csv")
    async def measures(request: Request) -> Response:
        return await downloads.measures(runs, _setup(request))

    @server.get("/api/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    script = gzip.compress(get_plotlyjs().encode(), 6, mtime=0)

    @server.get(PLOTLY)
    async def plotly(request: Request) -> Response:
        answer = _gzipped(request, script, "text/javascript; charset=utf-8")
        answer.headers.update(FOREVER)
        return answer

    @server.get("/api/{rest:path}")
    async def nothing(rest: str) -> Response:
        # Else Dash's catch-all would answer with the page.
        raise HTTPException(404)


class Askers:
    """Who waits for a frame: each for one at a time, so that a newer request gives up an older one.

    While it draws, a browser tells up to a tenth of a second late that it has left one.
    """

    def __init__(self) -> None:
        self._newest: dict[str, asyncio.Task[bytes]] = {}

    def asks(self, asker: str, work: asyncio.Task[bytes]) -> None:
        """What this asker waited for is given up for this work."""
        def forget(_: object) -> None:
            if self._newest.get(asker) is work:
                del self._newest[asker]

        if asker in self._newest:
            self._newest[asker].cancel()
        self._newest[asker] = work
        work.add_done_callback(forget)


async def _while_there(request: Request, working: asyncio.Task[bytes]) -> Response:
    """What gzipped work comes to; it ends unfinished when the visitor leaves, or gives it up for other work."""
    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    leaving = asyncio.create_task(left())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        unfinished = not working.done() or working.cancelled()
        return Response(status_code=204) if unfinished else _gzipped(request, working.result())
    finally:
        working.cancel()
        leaving.cancel()


def _gzipped(request: Request, body: bytes, kind: str = "application/json") -> Response:
    """An answer from gzipped bytes, unpacked for a client that takes none."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(body, media_type=kind, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    return Response(gzip.decompress(body), media_type=kind, headers={"Content-Encoding": "identity"})


def _stream(request: Request, shared: Shared, run: Run) -> StreamingResponse:
    """A run's events as they come."""
    squeeze = "gzip" in request.headers.get("accept-encoding", "")
    # An encoding of its own, even "identity", keeps the middleware from holding events back.
    headers = {"Content-Encoding": "gzip" if squeeze else "identity", "Cache-Control": "no-store",
               "X-Accel-Buffering": "no"}
    events = _events(request, shared, run, squeeze)
    return StreamingResponse(events, media_type="application/x-ndjson", headers=headers)


async def _events(request: Request, shared: Shared, run: Run, squeeze: bool) -> AsyncIterator[bytes]:
    """A run's events, each flushed at once; leaving at the end, however that comes."""
    packer = zlib.compressobj(6, wbits=31) if squeeze else None
    try:
        async for line in run.lines(request.is_disconnected):
            yield packer.compress(line) + packer.flush(zlib.Z_SYNC_FLUSH) if packer else line
        if packer:
            yield packer.flush()
    finally:
        shared.leave(run)


