"""Which language a request is answered in."""

from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from app.text import LANGUAGES, speaking


def wanted(query: str, accepted: str) -> str:
    """What the link says (`lang=ja`), else the first of the browser's languages that there is, else English."""
    asked = parse_qs(query).get("lang", [""])[-1]
    if asked in LANGUAGES:
        return asked
    return parse_accept_header(accepted, LanguageAccept).best_match(list(LANGUAGES), default="en")


class Language:
    """ASGI middleware: everything that answers a request speaks its language."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        query = scope["query_string"].decode("latin-1")
        with speaking(wanted(query, Headers(scope=scope).get("accept-language", ""))):
            await self.app(scope, receive, send)
