"""Giving way: work in the background waits while pictures are drawn for somebody who looks."""

import time
from concurrent.futures import Future
from enum import StrEnum
from threading import Condition

PAUSE = 0.5  # seconds after a picture in which the next is often asked for
MOST = 0.5  # seconds that work waits at a time: it goes on, slower, while somebody plays
SCRUBBING = 3.0  # the same while somebody goes from step to step and waits for each picture
SCRUBBING_KNOWN = 12.0  # and once the phases are known, as what is measured then can wait longer
SHORT = 0.1  # seconds that a picture waits for others at a time: it may be wanted sooner meanwhile


class Urgency(StrEnum):
    """How soon a picture is needed, as a request says it (RFC 9218)."""

    NOW = "u=3"  # somebody waits for it
    AHEAD = "u=6"  # it may be shown next
    SPARE = "u=7"  # it may be shown some time: drawn when there is nothing else to do


class Quiet:
    """Counts the pictures being drawn. Threads may share one."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._drawing = 0
        self._drawn = float("-inf")

    def during(self, picture: Future) -> None:
        """This picture is being drawn until it is done, or given up."""
        self.begin()
        picture.add_done_callback(lambda _: self.end())

    def begin(self) -> None:
        """A picture is being drawn from now on."""
        with self._changed:
            self._drawing += 1

    def end(self) -> None:
        """It is drawn."""
        with self._changed:
            self._drawing -= 1
            self._drawn = time.monotonic()
            self._changed.notify_all()

    @property
    def busy(self) -> bool:
        """Whether a picture is being drawn, or was until less than PAUSE ago."""
        with self._changed:
            return self._drawing > 0 or time.monotonic() < self._drawn + PAUSE

    def wait(self, most: float = MOST) -> None:
        """Return once no picture has been drawn for PAUSE, or after so many seconds."""
        until = time.monotonic() + most
        with self._changed:
            while (now := time.monotonic()) < (free := until if self._drawing else min(until, self._drawn + PAUSE)):
                self._changed.wait(free - now)

    def wait_drawn(self) -> None:
        """Return once no picture is being drawn, or after SHORT."""
        with self._changed:
            self._changed.wait_for(lambda: not self._drawing, SHORT)
