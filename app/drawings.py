"""What is drawn for visitors: once for all who wait for it, kept, and given up when nobody waits any more."""

import asyncio
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from app import wire
from app.limits import Limits
from app.quiet import Quiet, Urgency
from app.shared import Busy
from app.store import Store
from app.text import say

Pause = Callable[[], None]


class Dropped(Exception):
    """Nobody waits for this drawing any more."""


@dataclass
class _Drawing:
    """waiting: how many wait for it. urgent: somebody does so now, and it gives way to no other."""

    waiting: int
    urgent: bool
    future: Future = field(default_factory=Future)


class Drawings:
    """Frames, scenes and figures as gzipped JSON, by key.

    quiet counts those being drawn, but for spare ones; asked those that somebody waits for.
    """

    def __init__(self, limits: Limits):
        # What somebody waits for never queues behind what is fetched ahead, his own or others'.
        self._now, self._ahead = (ThreadPoolExecutor(limits.frame_workers, name) for name in ("draw", "draw-ahead"))
        self._most_waiting = limits.frames_waiting
        self._kept: Store[bytes] = Store(limits.frames, len)
        self._drawing: dict[Hashable, _Drawing] = {}
        self._lock = threading.Lock()
        self.quiet, self.asked = Quiet(), Quiet()

    @property
    def busy(self) -> bool:
        """Whether anything is being drawn, or was asked for a moment ago."""
        return self.asked.busy or bool(self._drawing)

    def keep(self, key: Hashable, drawn: Any) -> bytes:
        """What has been drawn, gzipped, for whoever asks for it."""
        return self._kept.put(key, wire.compressed(drawn))

    def kept(self, key: Hashable) -> bytes | None:
        """What has been drawn, if it has not been dropped for others since."""
        return self._kept.get(key)

    async def draw(self, key: Hashable, draw: Callable[[Pause], Any], urgency: Urgency = Urgency.NOW) -> bytes:
        """What `draw` makes, gzipped, made once for all who wait for it; Busy when too much is being drawn.

        draw calls its argument every few milliseconds: there it waits for more urgent ones, or ends with Dropped.
        """
        drawing = self._joined(key, draw, urgency)
        try:
            # A visitor who leaves must not cancel what others wait for.
            return await asyncio.shield(asyncio.wrap_future(drawing.future))
        finally:
            self._leave(key, drawing)

    def close(self) -> None:
        """Start nothing more."""
        for pool in (self._now, self._ahead):
            pool.shutdown(wait=False, cancel_futures=True)

    def _joined(self, key: Hashable, draw: Callable[[Pause], Any], urgency: Urgency) -> _Drawing:
        urgent = urgency is Urgency.NOW
        with self._lock:
            drawing = self._drawing.get(key)
            if drawing is None:
                if len(self._drawing) >= self._most_waiting:
                    raise Busy(say("error.busy_frames"))
                # It may begin before `submit` returns, and has to know by then who waits for it.
                drawing = self._drawing[key] = _Drawing(waiting=1, urgent=urgent)
                pool = self._now if urgent else self._ahead
                drawing.future = pool.submit(copy_context().run, self._make, key, drawing, draw)
                if urgency is not Urgency.SPARE:
                    self.quiet.during(drawing.future)
                newly = urgent
            else:
                newly = urgent and not drawing.urgent
                drawing.waiting += 1
                drawing.urgent |= urgent
            if newly:
                self.asked.during(drawing.future)
            return drawing

    def _leave(self, key: Hashable, drawing: _Drawing) -> None:
        with self._lock:
            drawing.waiting -= 1
            if not drawing.waiting:
                self._forget(key, drawing)
                drawing.future.cancel()

    def _forget(self, key: Hashable, drawing: _Drawing) -> None:
        if self._drawing.get(key) is drawing:  # another may have been begun since
            del self._drawing[key]

    def _make(self, key: Hashable, drawing: _Drawing, draw: Callable[[Pause], Any]) -> bytes:
        def pause() -> None:
            if not drawing.waiting:
                raise Dropped
            if not drawing.urgent:
                self.asked.wait_shown()

        try:
            drawn = draw(pause)
            pause()
            return self.keep(key, drawn)
        except Dropped:
            return b""  # for nobody
        finally:
            with self._lock:
                self._forget(key, drawing)
