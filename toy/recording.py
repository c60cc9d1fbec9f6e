"""Recording: what a run leaves behind - every step's scalars, and parameters by checkpoint and exact replay."""

import json
import math
import numbers
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import IO, Any

import jax
import jax.numpy as jnp
import numpy as np

from toy import training
from toy.errors import FieldError
from toy.files import whole_file
from toy.labels import FORMERLY, Data
from toy.nets import Logit, Params
from toy.origin import PREFIX, Origin, begin, fitting, read, resolve, written
from toy.world import Knobs, World, check, of_kind, stride

FORMAT = 3
LARGEST = 400_000_000  # bytes of a file, unpacked: twice what any allowed world takes
SCALARS = ("loss", "accuracy", "margin")
REPLAYED = 16  # checkpoints of a file that are tried at most
RECENT = 4  # states kept beside the checkpoints: playing forward replays one step at a time


def log_spaced(last: int, count: int) -> list[int]:
    """About `count` whole steps from 0 to `last`, evenly spaced in log(1 + step); both ends are in."""
    steps = np.round(np.expm1(np.linspace(0, np.log1p(last), count))).astype(int)
    return sorted(set(steps.tolist()))


class Recording:
    """One run: world, knobs, data, loss / accuracy / margin (last_step + 1,) and `params(step)` for every step.

    Steps count updates: step 0 is the untrained net, or the earlier run's at the step where a derived run begins.
    `data` is the clean data, which every measure looks at, `training` what the net was trained on. `diverged_at` is
    the step whose loss was not finite, or whose update was not (None for a healthy run); steps before it stay usable.
    One thread may train while others read. parent: the finished earlier run of a derived one, which is not kept.
    """

    net: Logit | None = None  # of a net from elsewhere

    def __init__(self, world: World, knobs: Knobs, origin: Origin | None = None, parent: "Recording | None" = None):
        check(world, knobs)
        self.world, self.knobs, self.origin = world, knobs, origin
        state, points = training.start(world, knobs)
        self.data = self.training = Data(*(np.asarray(a) for a in points))
        if parent is not None and origin is not None:
            state, self.training = begin(world, knobs, parent, origin.step)
        self._begin(state)

    def _begin(self, state: training.State) -> None:
        """Everything that follows from data and first state."""
        world, knobs = self.world, self.knobs
        self._clean, self._train = (training.Points(*map(jnp.asarray, (data.u, data.x, data.y)))
                                    for data in (self.data, self.training))
        self._base = int(state.step)  # what the optimiser counts as step 0: the batches of a branch go on
        self._rule = training.rule(world)
        self._stride = stride(world, knobs.steps)
        self._checkpoints: dict[int, training.State] = {0: state}
        self._recent: OrderedDict[int, training.State] = OrderedDict()
        self._lock = threading.Lock()
        self._scalars = {name: np.zeros(knobs.steps + 1, np.float32) for name in SCALARS}
        self._known = 0  # steps whose scalars are known, a diverged one included
        self.finished = False
        self.diverged_at: int | None = None

    def _column(self, name: str) -> np.ndarray:
        return self._scalars[name][: min(self._known, self.last_step + 1)]

    @property
    def loss(self) -> np.ndarray:
        """Mean logistic loss of every step."""
        return self._column("loss")

    @property
    def accuracy(self) -> np.ndarray:
        """Share of training points on their right side, every step."""
        return self._column("accuracy")

    @property
    def margin(self) -> np.ndarray:
        """Smallest y f(x) over the training points, every step; logits."""
        return self._column("margin")

    @property
    def last_step(self) -> int:
        """The last step whose parameters are usable."""
        return max(0, self._known - 1 - (self.diverged_at is not None))

    @property
    def logit(self) -> Logit:
        """The net: (params, x (m, n)) -> logits (m,)."""
        return self._rule.logit

    @property
    def base(self) -> int:
        """Updates of the net before step 0: those of the earlier run in a branch, else none."""
        return self._base

    @property
    def measured_steps(self) -> list[int]:
        """The log-spaced steps at which the costlier measures are taken."""
        return log_spaced(self.last_step, 72)

    @property
    def nbytes(self) -> int:
        """Bytes of checkpoints, cache at its fullest, data and scalars."""
        state = sum(a.nbytes for a in jax.tree.leaves(self._checkpoints[0]))
        own = sum(a.nbytes for a in (self.data.u, self.data.x, self.data.y, *self._scalars.values()))
        return state * (len(self._checkpoints) + RECENT) + own

    @property
    def one_class(self) -> bool:
        """Whether all points have the same label: nothing has to be separated, and dimples are not defined."""
        return len(np.unique(self.data.y)) < 2

    def chunks(self) -> Iterator["Recording"]:
        """Train chunk by chunk, yielding the recording after each; a run that was broken off goes on."""
        step, last = self._known, self.knobs.steps
        state, ahead = self._state(step), None
        while not self.finished:
            before, count = state, self._count(step)
            state, trace = ahead or self._advance(before, count)
            # On its way while this one is looked at; in vain when this one turns out to be the last.
            ahead = self._advance(state, self._count(step + count)) if step + count <= last else None
            if bool(trace.diverged):
                counts = range(1, int(trace.done) + 1)
                count = counts[bisect_left(counts, True, key=lambda c: bool(self._advance(before, c)[1].diverged))]
                trace = self._advance(before, count)[1]
            done = int(trace.done)
            for name, column in self._scalars.items():
                column[step : step + done] = np.asarray(getattr(trace, name))[:done]
            step += done
            if bool(trace.diverged):
                self.diverged_at = step - 1
            self.finished = bool(trace.diverged) or bool(trace.stopped) or step > last
            self._known = step  # after its scalars: a reading thread sees whole steps only
            if step == last and not self.finished:
                self._recent[last] = state
            elif not self.finished and step % self._stride == 0:
                self._checkpoints[step] = state
            yield self

    def _count(self, step: int) -> int:
        """Steps of the chunk at `step`: to the next checkpoint, or to the last step, whose scalars come apart.

        They are those of one step more: so the last parameters are at hand.
        """
        return min(self._stride - step % self._stride, training.CHUNK, max(1, self.knobs.steps - step))

    def _advance(self, state: training.State, count: int) -> tuple[training.State, training.Trace]:
        return training.advance(self._rule, self.knobs, state, self._train, self._clean, np.int32(count))

    def state(self, step: int) -> training.State:
        """Parameters and optimiser state after `step` updates; FieldError outside 0 .. last_step."""
        return self._state(self.check_step(step))

    def _state(self, step: int) -> training.State:
        """The state before `step`, replayed from the nearest checkpoint or recent state at or below it."""
        with self._lock:
            known = [s for s in (*self._checkpoints, *self._recent) if s <= step]
            nearest = max(known)
            state = self._checkpoints.get(nearest) or self._recent[nearest]
            # Stop rules are met at the last step only, which no replay takes.
            while nearest < step:
                count = min(step - nearest, training.CHUNK)
                state, trace = self._advance(state, count)
                nearest += int(trace.done)
            self._recent[step] = state
            while len(self._recent) > RECENT:
                self._recent.popitem(last=False)
            return state

    def params(self, step: int) -> Params:
        """Parameters after `step` updates, exactly those the run had; FieldError outside 0 .. last_step."""
        return self.state(step).params

    def check_step(self, step: int) -> int:
        """The step as an int; FieldError outside 0 .. last_step."""
        whole = isinstance(step, numbers.Real) and not isinstance(step, bool) and step == step // 1
        if not whole or not 0 <= step <= self.last_step:
            raise FieldError("step", f"a whole number between 0 and {self.last_step}", step)
        return int(step)

    def save(self, file: str | Path | IO[bytes], provenance: dict[str, str] | None = None) -> None:
        """Write an .npz: fields, scalars and checkpoints; `provenance` stands in its header for whoever asks.

        Raises FieldError naming `file` when it is neither a path nor a file, OSError when it cannot be written.
        """
        if not isinstance(file, str | Path) and not hasattr(file, "write"):
            raise FieldError("file", "a path, or a file open for writing", type(file).__name__)
        leaves = {f"{step}/{i}": np.asarray(leaf) for step, state in self._checkpoints.items()
                  for i, leaf in enumerate(jax.tree.leaves(state))}
        header = {"format": FORMAT, "world": self.world.model_dump(), "knobs": self.knobs.model_dump(),
                  "diverged_at": self.diverged_at, "finished": self.finished, "steps": list(self._checkpoints),
                  "origin": written(self.origin), "provenance": provenance or {}}
        leaves |= {f"training/{name}": getattr(self.training, name) for name in ("u", "x", "y")}
        scalars = {name: column[: self._known] for name, column in self._scalars.items()}
        arrays = {"header": np.array(json.dumps(header)), **scalars, **leaves}
        if isinstance(file, str | Path):
            with whole_file(file) as opened:
                np.savez(opened, **arrays)  # type: ignore[arg-type]
        else:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> "Recording":
        """Read what `save` wrote; FieldError naming `file` when it is no whole recording."""
        if not isinstance(path, str | Path):
            raise FieldError("file", "the path of a recording", type(path).__name__)
        try:
            with np.load(path, allow_pickle=False) as file:
                # Before anything is unpacked: zeros take next to nothing.
                if sum(entry.file_size for entry in file.zip.infolist()) > LARGEST:
                    raise ValueError(f"it unpacks to more than {LARGEST} bytes")
                header = json.loads(str(file["header"]))
                if header["format"] not in (2, FORMAT):
                    why = f"its format is {header['format']}"
                    raise FieldError("file", f"a recording of format 2 or {FORMAT}", Path(path).name, why)
                if header["format"] == 2 and (rule := header["world"]["labels"]) in FORMERLY:
                    header["world"]["labels"] = FORMERLY[rule]
                if strange := [name for name in header["origin"] if not name.startswith(PREFIX)]:
                    raise ValueError(f"{strange[0]} is no key of an origin")
                world = World(**header["world"])
                new = cls(world, Knobs(**header["knobs"]), resolve(world, read(header["origin"])))
                new._restore(header, file)
                return new
        except Exception as error:  # a damaged file can raise nearly anything: zip, numpy, JSON and range errors
            if isinstance(error, FieldError) and error.field == "file":
                raise
            why = f"{type(error).__name__}: {error}"
            raise FieldError("file", "a recording that `save` wrote", Path(path).name, why) from error

    def _restore(self, header: dict[str, Any], file: Mapping[str, np.ndarray]) -> None:
        """Take over scalars and checkpoints; ValueError when they do not belong to this world and these knobs."""
        like, tree = jax.tree.flatten(self._checkpoints[0])
        stored = Data(*(file[f"training/{name}"] for name in ("u", "x", "y")))
        pairs = [(getattr(stored, name), getattr(self.data, name)) for name in ("u", "x", "y")]
        if any(a.shape[1:] != b.shape[1:] or a.dtype != b.dtype or not 0 < len(a) <= len(b) or len(a) != len(stored.y)
               for a, b in pairs):
            raise ValueError("the training set does not fit the world")
        if not (np.isfinite(stored.u).all() and np.isfinite(stored.x).all() and (np.abs(stored.y) == 1).all()):
            raise ValueError("the training set is no set of points with labels of +-1")
        if self.world.training_set == "clean" and not all(np.allclose(a, b, atol=1e-4) for a, b in pairs):
            raise ValueError("the training set is not that of the world")
        self.training = stored
        first = jax.tree.unflatten(tree, [jnp.asarray(file[f"0/{i}"]) for i in range(len(like))])
        self._begin(first)
        columns = {name: file[name] for name in SCALARS}
        known, diverged = len(columns["loss"]), header["diverged_at"]
        if any(a.shape != (known,) or a.dtype != np.float32 for a in columns.values()) or known > self.knobs.steps + 1:
            raise ValueError("the scalars do not fit the steps")
        stops = self.knobs.stop_margin > 0 or self.knobs.stop_accuracy > 0
        ended = diverged is not None or known > self.knobs.steps
        fits = header["finished"] is ended or (stops and known and header["finished"] is True)
        if not fits or diverged not in (None, known - 1) or 0 not in header["steps"] or max(header["steps"]) > known:
            raise ValueError("the header does not fit the scalars")
        healthy = known if diverged is None else diverged
        for step in header["steps"]:
            leaves = [jnp.asarray(file[f"{step}/{i}"]) for i in range(len(like))]
            state = jax.tree.unflatten(tree, leaves)
            if any(a.shape != b.shape or a.dtype != b.dtype for a, b in zip(leaves, like)) \
                    or int(state.step) != step + self._base:
                raise ValueError("a checkpoint has the wrong shape or step")
            self._checkpoints[step] = state
            if healthy and not all(np.isfinite(a).all() for a in jax.tree.leaves(state.params)):
                raise ValueError("the parameters are not finite")
        seeded = healthy and self.origin is None
        if seeded and not all(np.allclose(a, b, 1e-3, 1e-5) for a, b in zip(jax.tree.leaves(first), like)):
            raise ValueError("the first parameters are not those of the seed")
        loss, accuracy, margin = (columns[name][:healthy] for name in SCALARS)
        if not (np.isfinite(loss) & (loss >= 0) & (accuracy >= 0) & (accuracy <= 1) & np.isfinite(margin)).all():
            raise ValueError("loss, accuracy and margin are not those of a run")
        for name, column in columns.items():
            self._scalars[name][:known] = column
        self._known, self.diverged_at, self.finished = known, diverged, header["finished"]
        self._replay(header["steps"], healthy)

    def _replay(self, steps: list[int], healthy: int) -> None:
        """ValueError when two steps from some of the checkpoints do not give the scalars that are stored.

        Other machines round otherwise, so nothing is compared to the last bit.
        """
        for step in steps[:: math.ceil(len(steps) / REPLAYED)]:
            trace = self._advance(self._checkpoints[step], 2)[1]
            count = min(int(trace.done), max(0, healthy - step))
            for name, slack in (("loss", 1e-3), ("accuracy", 1.01 / len(self.data.y)), ("margin", 1e-3)):
                want, got = self._scalars[name][step : step + count], np.asarray(getattr(trace, name))[:count]
                if not (np.abs(got - want) <= slack * np.maximum(1, np.abs(want))).all():
                    raise ValueError(f"{name} at step {step} is not that of the parameters and the data")
        if self.diverged_at is not None and not bool(self._advance(self._state(self.diverged_at), 1)[1].diverged):
            raise ValueError(f"the run is finite at step {self.diverged_at}")


def simulate(
    world: World, knobs: Knobs, progress: Callable[[Recording], None] | None = None,
    cancelled: Callable[[], bool] | None = None, origin: Origin | None = None, parent: Recording | None = None,
) -> Recording:
    """Train a world from start to end and record every step.

    progress is called with the growing recording after every chunk; cancelled() = True ends the run early. A derived
    world trains the run it comes from first, unless `parent` is that run; origin says which, by default the same
    world on clean data. Raises FieldError when a run is too large, or when the two do not fit; CancelledError when it
    is ended before the run itself has begun.
    """
    check(world, knobs)
    origin = resolve(world, origin)
    if parent is not None:
        of_kind("parent", parent, Recording)
        fitting(world, knobs, origin, parent)
    if origin is not None and parent is None:
        parent = simulate(*origin.parent(world, knobs)[:2], progress, cancelled, origin.parent(world, knobs)[2])
        if cancelled and cancelled():
            raise CancelledError
    recording = Recording(world, knobs, origin, parent)
    for _ in recording.chunks():
        if progress:
            progress(recording)
        if cancelled and cancelled():
            break
    return recording
