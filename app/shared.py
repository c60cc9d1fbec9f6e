"""Work that visitors share: started once, queued, bounded, cancelled when nobody listens any more."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import copy_context
from functools import partial

from app.run import Run
from app.text import say, told
from toy import FieldError
from toy.link import Setup

THREADS = 2  # for each place: one may still be at a run that has been given up
LOG = logging.getLogger("dimple-lab")


class Busy(Exception):
    """The server has as much to do as it allows itself; str() says so in plain words."""


class Shared:
    """Runs by link. places: how many are at work at once; waiting: how many may wait; kept: finished ones remembered.

    A run that is left frees its place at once, though what it has begun to compile goes on to its end: the executor
    needs THREADS for each place.
    """

    def __init__(self, executor: Executor, places: int, waiting: int, kept: int):
        self._executor, self._places, self._most_waiting, self._most_kept = executor, places, waiting, kept
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._line: dict[Run, Callable[[], None]] = {}  # the work of those that wait, oldest first
        self._at_work: set[Run] = set()

    def joined(self, link: str, setup: Setup, work: Callable[[Run], None]) -> Run:
        """The run of a link, its work begun if nobody has; Busy when too many wait. Call `leave` afterwards."""
        with self._lock:
            run = self._runs.get(link)
            if run is None or run.gone.is_set() or run.failed:
                waiting = sum(not r.started and not r.finished and not r.gone.is_set() for r in self._runs.values())
                if waiting >= self._most_waiting:
                    raise Busy(say("error.busy", waiting=waiting))
                run = self._runs[link] = Run(link, setup)
                run.post({"event": "queued", "place": waiting + 1})
                self._line[run] = partial(copy_context().run, self._take_turn, work, run)
                self._call_up()
            run.listeners += 1
            self._forget_old()
        return run

    def leave(self, run: Run) -> None:
        """A listener goes; the last one takes an unfinished run with it."""
        with self._lock:
            run.listeners -= 1
            if run.listeners <= 0 and not run.finished:
                run.gone.set()
                if self._runs.get(run.link) is run:
                    del self._runs[run.link]
                self._line.pop(run, None)
                self._call_up()
        self._tell_places()

    @property
    def working(self) -> bool:
        """Whether some run has not come to its end."""
        with self._lock:
            return not all(run.finished for run in self._runs.values())

    def close(self) -> None:
        """Stop all work; what runs ends at its next step."""
        with self._lock:
            self._line.clear()
            for run in self._runs.values():
                run.gone.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def begin(self, run: Run) -> None:
        """A run's turn has come."""
        run.started = True
        self._tell_places()

    def _forget_old(self) -> None:
        old = [link for link, run in self._runs.items() if run.finished and run.listeners <= 0]
        for link in old[: max(0, len(self._runs) - self._most_kept)]:
            del self._runs[link]

    def _call_up(self) -> None:
        """Whoever is first in line begins, as long as there are places; the lock is held."""
        while self._line and len(self._at_work) < THREADS * self._places and self._places > sum(
                not run.gone.is_set() for run in self._at_work):
            run = next(iter(self._line))
            self._at_work.add(run)
            self._executor.submit(self._line.pop(run))

    def _tell_places(self) -> None:
        with self._lock:
            waiting = [run for run in self._runs.values() if not run.started and not run.gone.is_set()]
        for place, run in enumerate(waiting, 1):
            run.post({"event": "queued", "place": place})

    def _take_turn(self, work: Callable[[Run], None], run: Run) -> None:
        try:
            self._guarded(work, run)
        finally:
            with self._lock:
                self._at_work.discard(run)
                self._call_up()

    def _guarded(self, work: Callable[[Run], None], run: Run) -> None:
        """Work whose every failure becomes an event: a run that ends without a word would hang its page."""
        try:
            if not run.gone.is_set():
                work(run)
        except FieldError as error:
            run.wrong = error
            run.post({"event": "error", "field": error.field, "message": told(error)[0], "advice": ""})
        except MemoryError:
            run.post({"event": "error", "field": None, "message": say("error.memory"), "advice": ""})
        except Exception as error:  # the page must hear of any failure
            text = f"{type(error).__name__}: {error}"
            run.post({"event": "error", "field": None, "message": say("error.failed"), "advice": text[:300]})
            LOG.exception("run %s failed", run.link)
