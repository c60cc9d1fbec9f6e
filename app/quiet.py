"""Giving way: work in the background waits while pictures are drawn for somebody who looks."""

import time
from concurrent.futures import Future
from enum import StrEnum
from threading import Condition

PAUSE = 0.4  # seconds after a picture: who goes on from step to step has mostly asked for the next by then
MOST = 0.5  # seconds that work waits at a time: it goes on, slower, while somebody plays
SCRUBBING = 12.0  # seconds that work waits for who waits for picture after picture; from then on MOST at a time
SHORT = 0.2  # seconds that a picture waits for others at a time: it may be wanted sooner meanwhile
SHOWING = 0.1  # seconds after a picture in which its page, perhaps on this machine, brings it to the screen


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

    def wait(self, most: float = MOST) -> bool:
        """Return once no picture has been drawn for PAUSE, or after so many seconds; whether it was the former."""
        return self._wait(time.monotonic() + most, PAUSE)

    def wait_shown(self) -> None:
        """Return once no picture is drawn nor, for SHOWING, brought to the screen; or after SHORT."""
        self._wait(time.monotonic() + SHORT, SHOWING)

    def _wait(self, until: float, pause: float) -> bool:
        """Return once none has been drawn for `pause` seconds, or at the time `until`; whether it was the former."""
        with self._changed:
            while (now := time.monotonic()) < (free := until if self._drawing else min(until, self._drawn + pause)):
                self._changed.wait(free - now)
            return not self._drawing and now >= self._drawn + pause


class Patience:
    """Waits long while somebody scrubs, but not again and again: a class would never stop.

    After a long wait in vain short ones follow, until it has been quiet once more.
    """

    def __init__(self, pictures: Quiet) -> None:
        self._pictures, self._long = pictures, True

    def wait(self) -> None:
        """Return once no picture has been drawn for PAUSE, or after SCRUBBING seconds, later MOST."""
        self._long = self._pictures.wait(SCRUBBING if self._long else MOST)
