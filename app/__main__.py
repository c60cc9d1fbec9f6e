"""python -m app serve | export: the page, and files of what it shows."""

import argparse
import contextlib
import errno
import gc
import os
import re
import socket
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from app.stream import RunFailed
from app.text import say
from toy.errors import FieldError, one_of
from toy.link import build, change, pairs

FILES = ("gif", "mp4", "png", "html", "npz", "csv")


def free_port(host: str, wanted: int) -> int:
    """The wanted port if nothing listens there; FieldError or OSError with plain words otherwise."""
    if not host:
        raise FieldError("--host", "one of this machine's addresses", host)
    if not 0 <= wanted <= 65535:
        raise FieldError("--port", "between 0 and 65535", wanted)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise FieldError("--host", f"one of this machine's addresses, with port {wanted} allowed", host,
                                 str(error.strerror)) from error
            raise OSError(say("serve.taken", host=host, port=wanted)) from error
        return probe.getsockname()[1]


def serve(host: str, port: int) -> None:
    """Run the production server until interrupted."""
    import uvicorn

    from app import classroom
    from app.server import create

    port = free_port(host, port)
    address = classroom.url(host, port)
    shared = not classroom.local(host)
    print(say("serve.address", url=address), flush=True)
    if shared:
        print(say("serve.class"), flush=True)
        code = classroom.terminal(address)
        with contextlib.suppress(UnicodeEncodeError):  # a terminal without block characters
            print(code, flush=True)
    # While one thread traces or measures, another that draws would wait up to this long whenever numpy lets go of
    # Python's lock, many times a picture.
    sys.setswitchinterval(0.000005)
    server = create(classroom=address if shared else "", hosts=classroom.hosts(host))
    # What has been imported lives as long as the server. To look through it for garbage would stop every thread for a
    # tenth of a second at a time.
    gc.collect()
    gc.freeze()
    uvicorn.run(server, host=host, port=port, log_level="warning", timeout_graceful_shutdown=2)


def export(options: argparse.Namespace) -> None:
    """Write the files asked for; FieldError names a wrong value."""
    from app.export import Job, write
    from app.shown import Shown, camera, read
    from app.sight import LOOKS

    size = re.fullmatch(r"(\d{2,4})x(\d{2,4})", options.size)
    if not size:
        raise FieldError("--size", "WIDTHxHEIGHT, such as 800x600", options.size)
    shown = read(options.name) if "=" in options.name else Shown(build(options.name, {}))
    setup = change(shown.setup, pairs("--set", options.set))
    looks = pairs("--look", options.look)
    if strange := [name for name in looks if name not in LOOKS]:
        raise FieldError("--look", one_of(LOOKS), strange[0])
    shown = replace(
        shown, setup=setup, look=replace(shown.look, **looks),
        beside=change(setup, pairs("--with", options.beside)) if options.beside else shown.beside,
        camera=camera("--camera", options.camera) or shown.camera)
    job = Job(
        shown,
        {kind: getattr(options, kind) for kind in FILES if getattr(options, kind)},
        steps=options.steps, frames=options.frames, size=(int(size[1]), int(size[2])), fps=options.fps,
        scale=options.scale, turn=options.turn, answer=options.answer,
    )
    with Progress(TextColumn("{task.description}"), BarColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)
        write(job, lambda what, share: bar.update(task, description=what, completed=share))


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app", description=say("serve.help"))
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("serve", help=say("serve.help"))
    command.add_argument("--host", default="127.0.0.1", help=say("serve.host"))
    command.add_argument("--port", type=int, default=os.environ.get("PORT", "8050"), help=say("serve.port"))
    files = commands.add_parser("export", help=say("export.help"))
    files.add_argument("name", metavar="EXHIBIT|LINK", help=say("export.name"))
    for kind in FILES:
        files.add_argument(f"--{kind}", type=Path, metavar="FILE", help=say(f"export.{kind}"))
    files.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE", help=say("export.set"))
    files.add_argument("--with", dest="beside", nargs="+", action="extend", default=[], metavar="FIELD=VALUE",
                       help=say("export.with"))
    files.add_argument("--look", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help=say("export.look"))
    files.add_argument("--steps", default="", help=say("export.steps"))
    files.add_argument("--frames", type=int, default=60, help=say("export.frames"))
    files.add_argument("--fps", type=int, default=12, help=say("export.fps"))
    files.add_argument("--size", default="800x600", metavar="WxH", help=say("export.size"))
    files.add_argument("--scale", type=float, default=1, help=say("export.scale"))
    files.add_argument("--turn", type=float, default=0, metavar="DEGREES", help=say("export.turn"))
    files.add_argument("--camera", default="", metavar="X,Y,Z", help=say("export.camera"))
    files.add_argument("--answer", action="store_true", help=say("export.answer"))
    options = parser.parse_args(arguments)
    try:
        if options.command == "export":
            export(options)
        else:
            serve(options.host, options.port)
    except (FieldError, RunFailed, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(say("export.stopped"), file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
