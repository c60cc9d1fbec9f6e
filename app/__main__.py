"""python -m app serve | export: the page, and files of what it shows."""

import argparse
import os
import re
import socket
import sys
from pathlib import Path

from app.text import say
from toy.errors import FieldError
from toy.link import build, pairs


def free_port(host: str, wanted: int) -> int:
    """The wanted port if nothing listens there; OSError with plain words otherwise."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise OSError(say("serve.taken", host=host, port=wanted)) from error
        return probe.getsockname()[1]


def serve(host: str, port: int) -> None:
    """Run the production server until interrupted."""
    import uvicorn

    from app.server import create

    port = free_port(host, port)
    shown = f"[{host}]" if ":" in host else host
    print(say("serve.address", url=f"http://{shown}:{port}/"), flush=True)
    uvicorn.run(create(), host=host, port=port, log_level="warning", timeout_graceful_shutdown=2)


def export(options: argparse.Namespace) -> None:
    """Write the files asked for; FieldError names a wrong value."""
    from app.export import gif

    size = re.fullmatch(r"(\d{2,4})x(\d{2,4})", options.size)
    if not size:
        raise FieldError("--size", "WIDTHxHEIGHT, such as 800x600", options.size)
    if not 2 <= options.frames <= 300:
        raise FieldError("--frames", "between 2 and 300", options.frames)
    if not 1 <= options.fps <= 50:
        raise FieldError("--fps", "between 1 and 50", options.fps)
    if not options.gif.resolve().parent.is_dir():
        raise FieldError("--gif", "a file in a folder that exists", str(options.gif))
    setup = build(options.name, pairs("--set", options.set))
    gif(setup, options.gif, options.frames, int(size[1]), int(size[2]), options.fps)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app", description=say("serve.help"))
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("serve", help=say("serve.help"))
    command.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help=say("serve.host"))
    command.add_argument("--port", type=int, default=os.environ.get("PORT", "8050"), help=say("serve.port"))
    files = commands.add_parser("export", help=say("export.help"))
    files.add_argument("name", metavar="EXHIBIT", help=say("export.name"))
    files.add_argument("--gif", type=Path, required=True, metavar="FILE", help=say("export.gif"))
    files.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE", help=say("export.set"))
    files.add_argument("--frames", type=int, default=60, help=say("export.frames"))
    files.add_argument("--fps", type=int, default=12, help=say("export.fps"))
    files.add_argument("--size", default="800x600", metavar="WxH", help=say("export.size"))
    options = parser.parse_args(arguments)
    try:
        if options.command == "export":
            export(options)
        else:
            serve(options.host, options.port)
    except (FieldError, OSError, ImportError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
