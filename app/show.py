"""A recording of your own in the page: `app.show.show(toy.record(...))`."""

import re

from fastapi import FastAPI

from app.__main__ import free_port
from app.server import create
from app.text import say
from toy.errors import FieldError
from toy.exhibits import EXHIBITS, Exhibit
from toy.link import build
from toy.recording import Recording


def application(recording: Recording, name: str = "own-net") -> FastAPI:
    """The page's server with one more exhibit, opened first, that shows this recording.

    Changed settings of the world or the net train our own nets in its place. Raises FieldError for a name that
    cannot stand in a link or is taken.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name) or (name in EXHIBITS and name != "own-net"):
        raise FieldError("name", "a new name of small letters, digits and -", name)
    EXHIBITS[name] = Exhibit(name, recording.world, recording.knobs)
    server = create(warm=False)
    server.state.runs.keep(build(name, {}), recording)
    return server


def show(recording: Recording, name: str = "own-net", host: str = "127.0.0.1", port: int = 8050) -> None:
    """Serve the page with this recording until interrupted; its address is printed."""
    import uvicorn

    server, port = application(recording, name), free_port(host, port)
    print(say("serve.address", url=f"http://{host}:{port}/?exhibit={name}"), flush=True)
    uvicorn.run(server, host=host, port=port, log_level="warning", timeout_graceful_shutdown=2)
