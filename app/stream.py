"""Runs, frames and measures for many visitors: shared, bounded, cancelled when nobody looks any more."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from app import charts, report, views, wire
from app.limits import Limits
from app.run import Run
from app.sight import Look
from app.store import Store
from app.text import language, say, told
from toy import FieldError, Recording, simulate, windows
from toy.link import Setup, query
from toy.recording import log_spaced
from toy.world import View

LOG = logging.getLogger("dimple-lab")


def spoken(setup: Setup) -> str:
    """The link of a setup and of the language its events and pictures speak."""
    return f"{query(setup)}&lang={language()}"


class Busy(Exception):
    """The server has as much to do as it allows itself; str() says so in plain words."""


class RunFailed(Exception):
    """A run came to nothing; str() says why in plain words."""


class Runs:
    """All runs of a server.

    executor: where training happens; any concurrent.futures.Executor that shares this process's memory. Frames
    have workers of their own, so a picture never waits behind training or measuring.
    """

    def __init__(self, limits: Limits | None = None, executor: Executor | None = None):
        self.limits = limits or Limits()
        self._train = executor or ThreadPoolExecutor(self.limits.workers, "train")
        self._draw = ThreadPoolExecutor(self.limits.frame_workers, "draw")
        self._measure = ThreadPoolExecutor(1, "measure")
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._futures: dict[str, Future] = {}
        self._recordings: Store[Recording] = Store(self.limits.recordings, lambda r: r.nbytes)
        self._kept: dict[Hashable, Recording] = {}  # given to us: they cannot be trained again
        self._windows: Store[windows.Window] = Store(64)
        self._frames: Store[bytes] = Store(self.limits.frames, len)
        self._drawing: dict[Hashable, Future] = {}
        self._quiet = threading.Event()
        self._quiet.set()

    # -- joining and leaving -----------------------------------------------------------------------------------------

    def join(self, setup: Setup) -> Run:
        """The run of a setup, started if nobody has; Busy when too many wait. Call `leave` afterwards."""
        link = spoken(setup)
        with self._lock:
            run = self._runs.get(link)
            if run is None or run.gone.is_set() or run.failed:
                waiting = sum(not r.started and not r.finished and not r.gone.is_set() for r in self._runs.values())
                if waiting >= self.limits.waiting:
                    raise Busy(say("error.busy", waiting=waiting))
                run = self._runs[link] = Run(link, setup)
                run.post({"event": "queued", "place": waiting})
                self._futures[link] = self._train.submit(copy_context().run, self._guarded, self._work, run)
            run.listeners += 1
            self._forget_old()
        return run

    def keep(self, setup: Setup, recording: Recording) -> None:
        """Show this recording for a setup, for as long as the server lives."""
        self._kept[setup.run] = recording

    def _found(self, setup: Setup) -> Recording | None:
        return self._kept.get(setup.run) or self._recordings.get(setup.run)

    def leave(self, run: Run) -> None:
        """A listener goes; the last one takes an unfinished run with it."""
        with self._lock:
            run.listeners -= 1
            if run.listeners <= 0 and not run.finished:
                run.gone.set()
                if self._runs.get(run.link) is run:
                    del self._runs[run.link]
                    self._futures.pop(run.link).cancel()
        self._tell_places()

    def _forget_old(self) -> None:
        old = [link for link, run in self._runs.items() if run.finished and run.listeners <= 0]
        for link in old[: max(0, len(self._runs) - self.limits.runs)]:
            del self._runs[link]
            self._futures.pop(link, None)

    def _tell_places(self) -> None:
        with self._lock:
            waiting = [run for run in self._runs.values() if not run.started and not run.gone.is_set()]
        for place, run in enumerate(waiting):
            run.post({"event": "queued", "place": place})

    def close(self) -> None:
        """Stop all work; what runs ends at its next step."""
        for run in list(self._runs.values()):
            run.gone.set()
        for pool in (self._train, self._draw, self._measure):
            pool.shutdown(wait=False, cancel_futures=True)

    # -- the work of a run, in worker threads ------------------------------------------------------------------------

    def _guarded(self, work: Any, run: Run) -> None:
        """Work whose every failure becomes an event: a run that ends without a word would hang its page."""
        try:
            if not run.gone.is_set():
                work(run)
        except FieldError as error:
            message, _, advice = told(error)
            run.post({"event": "error", "field": error.field, "message": message, "advice": advice})
        except MemoryError:
            run.post({"event": "error", "field": None, "message": say("error.memory"), "advice": ""})
        except Exception as error:  # the page must hear of any failure
            text = f"{type(error).__name__}: {error}"
            run.post({"event": "error", "field": None, "message": say("error.failed"), "advice": text[:300]})
            LOG.exception("run %s failed", run.link)

    def _work(self, run: Run) -> None:
        """Train (or find the recording), show the last step, hand over to measuring."""
        began = time.monotonic()
        run.started = True
        self._tell_places()
        setup = run.setup
        windows.kind_of(setup.world, setup.view)  # a view that does not fit is refused before training
        recording = self._trained(run, setup)
        if recording is None:
            return
        if recording.diverged_at == 0:
            raise FieldError("learning_rate", say("error.finite_start"), setup.knobs.learning_rate, report.cause(setup))
        window = self.window(recording, setup.view)
        last, look = recording.last_step, Look()
        if time.monotonic() - began > self.limits.preview_after:
            self._preview(run, recording, window, setup.view)
        scene, frame = views.picture(recording, window, setup.view, last, look)
        run.post(report.ready(setup, recording, window, scene, frame,
                              log_spaced(last, self.limits.frame_steps), charts.draw(recording, {})))
        self._frames.put((run.link, last, look, "frame"), wire.compressed(frame))
        self._measure.submit(copy_context().run, self._guarded, self._take_measures, run)

    def _trained(self, run: Run, setup: Setup) -> Recording | None:
        """The recording of a setup after the ones it comes from, found or made; None when nobody waits any more."""
        found = self._found(setup)
        if found is not None:
            return found
        parent = None
        if setup.parent is not None:
            parent = self._trained(run, setup.parent)
            if parent is None:
                return None
        own = setup.run == run.setup.run
        run.post(report.progress(0, setup.knobs.steps, None, None, "training" if own else "earlier"))
        tell = self._reporter(run) if own else None
        recording = simulate(setup.world, setup.knobs, tell, run.gone.is_set, setup.origin, parent)
        return None if run.gone.is_set() else self._recordings.put(setup.run, recording)

    def _reporter(self, run: Run) -> Any:
        """What `simulate` calls as the recording grows: progress, and a picture now and then if it takes long."""
        shown = time.monotonic() + self.limits.preview_after - self.limits.preview_every

        def tell(recording: Recording) -> None:
            nonlocal shown
            step = recording.last_step
            run.post(report.progress(step, run.setup.knobs.steps, recording.loss[step], recording.accuracy[step],
                                     "training"))
            if time.monotonic() - shown < self.limits.preview_every or not step or recording.finished:
                return
            view = run.setup.view.replace(reference_step=-1)
            window = windows.window(recording, view)
            self._preview(run, recording, window, view)
            shown = time.monotonic()

        return tell

    def _preview(self, run: Run, recording: Recording, window: windows.Window, view: View) -> None:
        """A picture without arrows, whose solver may still have to be compiled for this world."""
        step = recording.last_step
        scene, frame = views.picture(recording, window, view, step, Look(arrows="none"))
        run.post({"event": "preview", "step": step, "scene": scene, "frame": frame})

    def _take_measures(self, run: Run) -> None:
        """Measure coarse to fine, giving way to frames; then phases; then the costlier distances."""
        recording = self._found(run.setup)
        if recording is None:
            run.post({"event": "done"})
            return
        chart = windows.normal_chart(recording, run.setup.view)
        table = report.Table(recording, chart)
        said = time.monotonic()
        for done, total in table.fill():
            if run.gone.is_set():
                return
            if time.monotonic() - said > self.limits.measures_every:
                run.post(report.measures(recording, table))
                run.post(report.progress(done, total, recording.loss[-1], recording.accuracy[-1], "measuring"))
                said = time.monotonic()
            if table.cheap_complete:
                run.post(report.phases(recording, table))
            self._quiet.wait(0.25)
        run.columns = table.columns()
        run.post(report.measures(recording, table))
        run.post({"event": "done"})

    def window(self, recording: Recording, view: View) -> windows.Window:
        """The window of a recording, made once."""
        key = (recording.world, recording.knobs, recording.origin, view)
        return self._windows.get(key) or self._windows.put(key, windows.window(recording, view))

    # -- frames ------------------------------------------------------------------------------------------------------

    async def picture(self, setup: Setup, step: int | None, look: Look) -> bytes:
        """A gzipped frame of one step, or with step None the gzipped scene of the last; FieldError, Busy."""
        key = (spoken(setup), step, look, "scene" if step is None else "frame")
        stored = self._frames.get(key)
        if stored:
            return stored
        recording = await self.recording(setup)
        with self._lock:
            future = self._drawing.get(key)
            if future is None:
                if len(self._drawing) >= self.limits.frames_waiting:
                    raise Busy(say("error.busy_frames"))
                self._quiet.clear()
                future = self._drawing[key] = self._draw.submit(
                    copy_context().run, self._make, key, recording, setup.view, step, look)
        # A visitor who leaves must not cancel a frame that others wait for.
        return await asyncio.shield(asyncio.wrap_future(future))

    def _make(self, key: Hashable, recording: Recording, view: View, step: int | None, look: Look) -> bytes:
        try:
            window = self.window(recording, view)
            at = recording.last_step if step is None else step
            scene, frame = views.picture(recording, window, view, at, look)
            return self._frames.put(key, wire.compressed(scene if step is None else frame))
        finally:
            with self._lock:
                self._drawing.pop(key, None)
                if not self._drawing:
                    self._quiet.set()

    async def finished(self, setup: Setup, tell: Callable[[bytes], object] = len) -> Run:
        """The run of a setup once it has been trained and measured; `tell` hears every event. RunFailed."""
        run = self.join(setup)
        try:
            async for line in run.lines(lambda: asyncio.sleep(0, False)):
                tell(line)
        finally:
            self.leave(run)
        if run.failed:
            raise RunFailed(run.message)
        return run

    async def recording(self, setup: Setup) -> Recording:
        """The recording, trained again if it has been dropped."""
        for _ in range(2):
            recording = self._found(setup)
            if recording is not None:
                return recording
            run = self.join(setup)
            try:
                if run.finished:  # its recording was dropped since: start over
                    with self._lock:
                        if self._runs.get(run.link) is run:
                            del self._runs[run.link]
                    continue
                await run.until_ready()
            finally:
                self.leave(run)
        recording = self._found(setup)
        if recording is None:
            raise Busy(say("error.failed"))
        return recording
