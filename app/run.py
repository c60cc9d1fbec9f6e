"""One run: what has been said of it so far, and those who listen."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from app import wire
from toy import FieldError
from toy.link import Setup

ENDS = ("done", "error")
REPLACES = {"progress": ("queued",), "ready": ("queued", "preview")}


class Run:
    """Events of one link, newest of each kind; a listener who comes late or reads slowly loses none that matter.

    gone: set once nobody listens, so that work for this run stops. columns: all its measures, once they are taken.
    wrong: the setting it failed for, if it did.
    """

    def __init__(self, link: str, setup: Setup):
        self.link, self.setup = link, setup
        self.gone = threading.Event()
        self.listeners = 0
        self.started = False
        self.columns: dict[str, list[Any]] = {}
        self.wrong: FieldError | None = None
        self._latest: dict[str, tuple[int, bytes]] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def post(self, event: dict[str, Any]) -> None:
        """Tell all listeners; callable from any thread."""
        self.post_as(event["event"], event)

    def post_as(self, kind: str, event: dict[str, Any]) -> None:
        """The same under another kind: events of one kind replace each other."""
        self.post_line(kind, wire.line(event))

    def post_line(self, kind: str, line: bytes) -> None:
        """The same for an event that is already encoded."""
        with self._lock:
            for older in REPLACES.get(kind, ()):
                self._latest.pop(older, None)
            self._count += 1
            self._latest[kind] = (self._count, line)
            if kind in ENDS:
                self._latest.pop("progress", None)
            waiting = list(self._waiting)
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    @property
    def finished(self) -> bool:
        """Whether the last event has been posted."""
        return any(kind in self._latest for kind in ENDS)

    @property
    def failed(self) -> bool:
        """Whether it ended in an error."""
        return "error" in self._latest

    @property
    def message(self) -> str:
        """What its error said, if it ended in one."""
        _, line = self._latest.get("error", (0, b'{"message": ""}'))
        return json.loads(line)["message"]

    @property
    def ready(self) -> bool:
        """Whether its recording is complete, or will never be."""
        return "ready" in self._latest or self.finished

    def after(self, seen: int) -> tuple[int, list[bytes]]:
        """Events newer than number `seen`, in order, and the newest number."""
        with self._lock:
            fresh = sorted(item for item in self._latest.values() if item[0] > seen)
        return (fresh[-1][0] if fresh else seen), [line for _, line in fresh]

    async def until_ready(self) -> None:
        """Wait until the recording is complete, or will never be."""
        async for _ in self.lines(lambda: asyncio.sleep(0, False)):
            if self.ready:
                return

    async def lines(self, left: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """All events, one line each, to the end of the run or until the listener has left."""
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiting.add(entry)
        seen = 0
        try:
            while True:
                entry[1].clear()
                finished = self.finished  # before what is told is looked at: else the end might come in between
                seen, fresh = self.after(seen)
                for line in fresh:
                    yield line
                if (finished and not fresh) or await left():
                    return
                if not fresh:
                    await _set(entry[1], 0.5)
        finally:
            with self._lock:
                self._waiting.discard(entry)


async def _set(event: asyncio.Event, seconds: float) -> None:
    """Return once an event is set, or after so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
