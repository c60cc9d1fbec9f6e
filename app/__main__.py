"""python -m app serve [--host 127.0.0.1] [--port N]: start the server."""

import argparse
import os
import socket
import sys

from app.text import say


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


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app", description=say("serve.help"))
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("serve", help=say("serve.help"))
    command.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help=say("serve.host"))
    command.add_argument("--port", type=int, default=os.environ.get("PORT", "8050"), help=say("serve.port"))
    options = parser.parse_args(arguments)
    try:
        serve(options.host, options.port)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
