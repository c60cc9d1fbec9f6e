"""Runs, frames and measures for many visitors: shared, bounded, cancelled when nobody looks any more."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import partial
from typing import Any

import jax

from app import charts, closer, report, sight, views, within
from app.drawings import Drawings, Pause
from app.limits import Limits
from app.quiet import PAUSE, Patience, Urgency
from app.run import Run
from app.shared import THREADS, Busy, Shared
from app.sight import Look
from app.store import Store
from app.text import language, say
from toy import FieldError, Recording, divergence, measures, simulate, windows
from toy.exhibits import EXHIBITS
from toy.link import Setup, query
from toy.recording import log_spaced
from toy.world import View, World


def spoken(setup: Setup) -> str:
    """The link of a setup and of the language its events and pictures speak."""
    return f"{query(setup)}&lang={language()}"


class RunFailed(Exception):
    """A run came to nothing; str() says why in plain words."""


def _sound(run: Run) -> None:
    """FieldError or RunFailed for a run that came to nothing."""
    if run.wrong:
        raise run.wrong
    if run.failed:
        raise RunFailed(run.message)


class Runs(Shared):
    """All runs of a server.

    executor: where training happens; any concurrent.futures.Executor that shares this process's memory. Frames
    have workers of their own, so a picture never waits behind training or measuring.
    """

    def __init__(self, limits: Limits | None = None, executor: Executor | None = None):
        self.limits = limits or Limits()
        places = self.limits.workers
        super().__init__(executor or ThreadPoolExecutor(THREADS * places, "train"), places, self.limits.waiting,
                         self.limits.runs)
        self._measure = ThreadPoolExecutor(1, "measure")
        self._recordings: Store[Recording] = Store(self.limits.recordings, lambda r: r.nbytes)
        self._kept: dict[Hashable, Recording] = {}  # given to us: they cannot be trained again
        # Two pages in two languages, or with two views, are two runs of one training: the later waits for the earlier.
        self._training: Store[threading.Lock] = Store(256)
        self._windows: Store[windows.Window] = Store(64)
        self._compiled: set[World] = set()
        self.drawings = Drawings(self.limits)

    def join(self, setup: Setup) -> Run:
        """The run of a setup, started if nobody has; Busy when too many wait. Call `leave` afterwards."""
        return self.joined(spoken(setup), setup, self._work)

    def warm(self, setup: Setup) -> Run:
        """The same for the first run of a server, with which what measuring takes is loaded too.

        To trace it holds Python's lock for a second or two: better before the time line can be used than while
        somebody scrubs.
        """
        return self.joined(spoken(setup), setup, partial(self._work, first=True))

    def keep(self, setup: Setup, recording: Recording) -> None:
        """Show this recording for a setup, for as long as the server lives."""
        self._kept[setup.run] = recording

    def _found(self, setup: Setup) -> Recording | None:
        return self._kept.get(setup.run) or self._recordings.get(setup.run)

    def close(self) -> None:
        """Stop all work; what runs ends at its next step."""
        super().close()
        self.drawings.close()
        self._measure.shutdown(wait=False, cancel_futures=True)

    # -- the work of a run, in worker threads ------------------------------------------------------------------------

    def _work(self, run: Run, first: bool = False) -> None:
        """Train (or find the recording), show the last step, hand over to measuring."""
        began = time.monotonic()
        self.begin(run)
        setup = run.setup
        windows.kind_of(setup.world, setup.view)  # a view that does not fit is refused before training
        recording = self._trained(run, setup)
        if recording is None:
            return
        usual = EXHIBITS[setup.exhibit].knobs
        causes = divergence.causes(recording, usual, run.gone.is_set)
        if recording.diverged_at == 0:
            field = next(iter(causes), "learning_rate")
            raise FieldError(field, say("error.finite_start"), getattr(setup.knobs, field), report.cause(setup, causes))
        window = self.window(recording, setup.view)
        last, look = recording.last_step, Look()
        loading = [self._measure.submit(self._load, recording, setup.view)] if first else []
        if time.monotonic() - began > self.limits.preview_after:
            self._preview(run, recording, window, setup.view)
        scene, frame = views.picture(recording, window, setup.view, last, look)
        wait(loading, self.limits.loading)
        run.post(report.ready(setup, recording, window, scene, frame,
                              log_spaced(last, self.limits.frame_steps), charts.draw(recording, {}), causes))
        self.drawings.keep((run.link, last, look, "frame"), frame)
        self._measure.submit(copy_context().run, self._guarded, self._take_measures, run)

    def _trained(self, run: Run, setup: Setup) -> Recording | None:
        """The recording of a setup after the ones it comes from, found or made; None when nobody waits any more."""
        with self._lock:
            alone = self._training.get(setup.run) or self._training.put(setup.run, threading.Lock())
        with alone:
            return self._found(setup) or self._train_now(run, setup)

    def _train_now(self, run: Run, setup: Setup) -> Recording | None:
        """The recording of a setup, made here and now."""
        with self._lock:
            self._compiled.add(setup.world)
            if len(self._compiled) > self.limits.worlds:
                jax.clear_caches()  # it keeps every program there ever was; those wanted again come from the disk
                self._compiled = {setup.world}
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

    @staticmethod
    def _load(recording: Recording, view: View) -> None:
        """Measure one step, so that all it takes is traced."""
        measures.measure(recording, windows.normal_chart(recording, view), recording.last_step)
        measures.distances(recording, recording.last_step)

    def _take_measures(self, run: Run) -> None:
        """Measure coarse to fine; then phases; then the costlier distances.

        Pictures somebody waits for come first; up to the phases, which are wanted before what may be looked at later,
        no others do.
        """
        recording = self._found(run.setup)
        if recording is None:
            run.post({"event": "done"})
            return
        chart = windows.normal_chart(recording, run.setup.view)
        patience = Patience(self.drawings.asked)
        table = report.Table(recording, chart, patience.wait)
        said, known = time.monotonic(), False
        for done, total in table.fill():
            if run.gone.is_set():
                return
            if time.monotonic() - said > self.limits.measures_every:
                run.post(report.measures(recording, table))
                run.post(report.progress(done, total, recording.loss[-1], recording.accuracy[-1], "measuring"))
                said = time.monotonic()
            if table.cheap_complete:
                run.post(report.phases(recording, table))
                known = True
            patience.wait()
            if known:
                self.drawings.quiet.wait()
        run.columns = table.columns()
        run.post(report.measures(recording, table))
        run.post({"event": "done"})

    def window(self, recording: Recording, view: View) -> windows.Window:
        """The window of a recording, made once."""
        key = (recording.world, recording.knobs, recording.origin, view)
        return self._windows.get(key) or self._windows.put(key, windows.window(recording, view))

    # -- frames ------------------------------------------------------------------------------------------------------

    async def spare_time(self, *others: Shared) -> None:
        """Wait until nothing is trained, measured or drawn, here or by others."""
        while self.drawings.busy or any(shared.working for shared in (self, *others)):
            await asyncio.sleep(PAUSE)

    async def picture(self, setup: Setup, step: int | None, look: Look, urgency: Urgency = Urgency.NOW) -> bytes:
        """A gzipped frame of one step, or with step None the gzipped scene of the last; FieldError, Busy."""
        def draw(recording: Recording, pause: Pause) -> Any:
            at = recording.last_step if step is None else step
            scene, frame = views.picture(recording, self.window(recording, setup.view), setup.view, at, look, pause)
            return scene if step is None else frame

        return await self._answer(setup, draw, urgency, step, look, "scene" if step is None else "frame")

    async def draft(self, setup: Setup, step: int, look: Look) -> bytes:
        """A gzipped frame on a coarser grid, as exact where its vertices are; the full one where none is sooner.

        `draft` in its meta tells the two apart. FieldError, Busy.
        """
        window = self.window(await self.recording(setup), setup.view)
        coarse = sight.draft(window, setup.view)
        if coarse is None or self.drawings.kept((spoken(setup), step, look, "frame")):
            return await self.picture(setup, step, look)

        def draw(recording: Recording, pause: Pause) -> views.Picture:
            _, frame = views.picture(recording, window, coarse, step, look, pause, sight.DRAFT_ARROWS)
            return {**frame, "meta": {**frame["meta"], "draft": True}}

        return await self._answer(setup, draw, Urgency.NOW, step, look, "draft")

    async def within(self, setup: Setup, step: int) -> bytes:
        """Gzipped distances at which the points of one step flip; FieldError, Busy."""
        return await self._answer(setup, lambda one, _: within.within(one, step), Urgency.NOW, step, "within")

    async def closer(self, setup: Setup, step: int, point: int) -> bytes:
        """Gzipped figures of one point at one step; FieldError, Busy."""
        def draw(recording: Recording, _: Pause) -> Any:
            return closer.look(recording, self.window(recording, setup.view), setup.view, step, point)

        return await self._answer(setup, draw, Urgency.NOW, step, point, "closer")

    async def _answer(
        self, setup: Setup, draw: Callable[[Recording, Pause], Any], urgency: Urgency, *what: Hashable
    ) -> bytes:
        """What `draw` makes of a setup's recording; `what` tells it from all else that is drawn of it."""
        key = (spoken(setup), *what)
        kept = self.drawings.kept(key)
        if kept:
            return kept
        recording = await self.recording(setup)
        return await self.drawings.draw(key, lambda pause: draw(recording, pause), urgency)

    async def finished(self, setup: Setup, tell: Callable[[bytes], object] = len) -> Run:
        """The run of a setup once it has been trained and measured; `tell` hears every event. FieldError, RunFailed."""
        run = self.join(setup)
        try:
            async for line in run.lines(lambda: asyncio.sleep(0, False)):
                tell(line)
        finally:
            self.leave(run)
        _sound(run)
        return run

    async def recording(self, setup: Setup) -> Recording:
        """The recording, trained again if it has been dropped. FieldError, RunFailed, Busy."""
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
            if self._found(setup) is None:
                _sound(run)
        recording = self._found(setup)
        if recording is None:
            raise Busy(say("error.failed"))
        return recording
