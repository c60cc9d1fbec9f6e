"""What a server of a single machine refuses from elsewhere: pages of other sites, and bodies without an end."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.text import say, words

BODY = 2_000_000  # bytes: more than the page's settings or a file of points take


class Guard:
    """ASGI middleware: 403 for what another site's page asks behind its visitor's back, 413 for a body beyond BODY.

    Browsers say where a request comes from (https://www.w3.org/TR/fetch-metadata/); a link that is followed here is a
    navigation, and allowed.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            refusal = {"event": "error", "field": None, "message": words()["error.elsewhere"], "advice": ""}
            return await JSONResponse(refusal, 403)(scope, receive, send)
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BODY:
                raise HTTPException(413, say("error.body", most=BODY))
            return message

        await self.app(scope, bounded, send)
