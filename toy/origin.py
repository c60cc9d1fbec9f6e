"""Runs that take something from an earlier one: its parameters at a step, or a training set made from its net."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from toy import nets, training
from toy.errors import FieldError, one_of
from toy.labels import Data
from toy.world import Knobs, World, group, of_kind

if TYPE_CHECKING:
    from toy.recording import Recording

PREFIX = "from."
DEEPEST = 8  # runs that a run may stand on: all of them are trained first
# What a parent may have otherwise: everything that leaves its data and the shape of its net and optimiser alone.
FREE = ("regime", "start", "training_set", "batch_size", *(
    name for name in Knobs.model_fields if name not in ("offset", "class_signal", "noise", "label_noise")
))
ENDS = "the run it starts from ends there"
CROSSINGS = (1.5, 1.2, 1.05, 1.01)  # an adversarial example stands so many times as far away as the boundary


@dataclass(frozen=True)
class Origin:
    """The earlier run: what of it departs from the later one, the step that counts, and its own origin.

    Its world and knobs are those of the later run with `start`, `training_set` and `regime` at their defaults and
    `changes` applied. step: -1 is its last.
    """

    changes: tuple[tuple[str, Any], ...] = ()
    step: int = -1
    origin: "Origin | None" = None

    def __post_init__(self) -> None:
        if type(self.step) is not int or self.step < -1:
            raise FieldError(PREFIX + "step", "a whole number from 0 on, or -1 for the last", self.step)

    def parent(self, world: World, knobs: Knobs) -> "tuple[World, Knobs, Origin | None]":
        """World, knobs and origin of the earlier run; FieldError names what it may not have otherwise."""
        defaults = {name: World.model_fields[name].default for name in ("start", "training_set", "regime")}
        if self.origin is not None:
            defaults["start"] = "branch"
        of_world: dict[str, Any] = dict(defaults)
        of_knobs: dict[str, Any] = {}
        for name, value in self.changes:
            if name not in FREE:
                raise FieldError(PREFIX + name, one_of(PREFIX + free for free in FREE), value)
            (of_world if name in World.model_fields else of_knobs)[name] = value
        try:
            earlier = world.replace(**of_world), knobs.replace(**of_knobs)
        except FieldError as error:
            raise FieldError(PREFIX + error.field, error.allowed, error.got, error.advice) from None
        return *earlier, resolve(earlier[0], self.origin)

    def spelled(self, world: World, knobs: Knobs) -> "Origin":
        """The same with every free field in `changes`, so that it means the same run whatever the later one becomes."""
        of_world, of_knobs, inner = self.parent(world, knobs)
        values = {**of_world.model_dump(), **of_knobs.model_dump()}
        return Origin(tuple((name, values[name]) for name in sorted(FREE)), self.step,
                      inner.spelled(of_world, of_knobs) if inner else None)

    def shortest(self, world: World, knobs: Knobs) -> "Origin":
        """The same without the changes that change nothing."""
        of_world, of_knobs, inner = self.parent(world, knobs)
        short = Origin((), self.step, inner.shortest(of_world, of_knobs) if inner else None)
        plain_world, plain_knobs, _ = Origin((), self.step, short.origin).parent(world, knobs)
        plain = {**plain_world.model_dump(), **plain_knobs.model_dump()}
        values = {**of_world.model_dump(), **of_knobs.model_dump()}
        return Origin(tuple((name, values[name]) for name in sorted(FREE) if values[name] != plain[name]),
                      short.step, short.origin)


def resolve(world: World, origin: Origin | None) -> Origin | None:
    """The origin a world means: the given or the default one of a derived world, none of any other.

    Raises FieldError when a world that takes nothing from another run is given an origin.
    """
    if origin is not None:
        of_kind("origin", origin, Origin)
    if world.derived:
        return origin or Origin()
    if origin is not None:
        raise FieldError("start", "branch or normal-weights, or training_set another than clean", world.start,
                         "else there is nothing for the run that from.* speaks of")
    return None


def read(values: Mapping[str, Any]) -> Origin | None:
    """The origin that keys `from.step`, `from.FIELD`, `from.from.step` ... mean; None without any."""
    own = {name.removeprefix(PREFIX): value for name, value in values.items() if name.startswith(PREFIX)}
    if not own:
        return None
    if deeper := [name for name in values if name.startswith(PREFIX * (DEEPEST + 1))]:
        raise FieldError(PREFIX.rstrip("."), f"at most {DEEPEST} runs that each start from the next", deeper[0])
    raw = own.pop("step", -1)
    step = int(raw) if re.fullmatch("-?[0-9]{1,9}", str(raw)) else raw  # which an Origin refuses
    changes = tuple(sorted((name, value) for name, value in own.items() if not name.startswith(PREFIX)))
    return Origin(changes, step, read(own))


def written(origin: Origin | None) -> dict[str, Any]:
    """The keys that `read` turns back into this origin."""
    if origin is None:
        return {}
    inner = {name: value for name, value in written(origin.origin).items()}
    own = {**({"step": origin.step} if origin.step >= 0 else {}), **dict(origin.changes), **inner}
    return {PREFIX + name: value for name, value in own.items()}


def fitting(world: World, knobs: Knobs, origin: Origin | None, parent: "Recording") -> None:
    """FieldError naming `parent` when it is no run that this one can come from: other data, or a net of another shape.

    Of a net from elsewhere the data alone counts.
    """
    if origin is None:
        raise FieldError("parent", "None", "a run", f"start={world.start} takes nothing from another run")
    for ours, theirs in ((world, parent.world), (knobs, parent.knobs)):
        for name in type(ours).model_fields:
            if name in FREE or (parent.net is not None and group(name) in ("net", "training")):
                continue
            want, got = getattr(ours, name), getattr(theirs, name)
            if want != got:
                raise FieldError("parent", f"a run with {name}={want}", f"one with {name}={got}")


def begin(world: World, knobs: Knobs, parent: "Recording", step: int) -> tuple[training.State, Data]:
    """State before the first step and training set of a derived run; FieldError for a step the parent has not."""
    if step > parent.last_step:
        raise FieldError(PREFIX + "step", f"at most {parent.last_step}", step, ENDS)
    step = parent.last_step if step < 0 else step
    state, points = training.start(world, knobs)
    if world.start == "branch":
        state = parent.state(step)
    if world.start == "normal-weights":
        state = state._replace(params=_share_normal_weights(world, state.params, parent.params(step)))
    clean = Data(*(np.asarray(a) for a in points))
    return state, clean if world.training_set == "clean" else wrong_labels(parent, step, world.training_set)


def _share_normal_weights(world: World, params: nets.Params, earlier: nets.Params) -> nets.Params:
    """The net with the first-layer weights of the appended dimensions from another."""
    e, first = world.geometry.e, params["layer0"]
    kernel = jnp.concatenate([first["kernel"][:e], earlier["layer0"]["kernel"][e:]])
    return {**params, "layer0": {**first, "kernel": kernel}}


def wrong_labels(parent: "Recording", step: int, kind: str) -> Data:
    """Adversarial examples of a net with the labels it gives them, (M <= N points); or the control.

    "wrong-labels": x + c delta, delta the minimal off-manifold perturbation (the free one for ell = 0), c the first
    of CROSSINGS at which the class has flipped; y the flipped class. "mislabelled": the same points at x, y
    flipped. Points that the net has wrong, or that it flips nowhere, are left out. Raises FieldError when none is left.
    """
    from toy import attacks  # attacks read recordings, which may have an origin

    data, logit, params = parent.data, parent.logit, parent.params(step)
    delta = attacks.minimal("off" if parent.world.codimension else "free", parent, step).delta
    tried = data.x + np.array(CROSSINGS)[:, None, None] * delta
    f = np.stack([np.asarray(logit(params, jnp.asarray(x, jnp.float32))) for x in tried])
    flipped = np.isfinite(tried).all(2) & (f * data.y < 0)
    right = np.asarray(logit(params, jnp.asarray(data.x))) * data.y > 0
    kept = np.flatnonzero(right & flipped.any(0))
    if not len(kept):
        raise FieldError("training_set", "clean", kind, "the earlier net has no adversarial example")
    moved = tried[flipped.argmax(0)[kept], kept]
    x = moved if kind == "wrong-labels" else data.x[kept]
    return Data(data.u[kept], x.astype(np.float32), -data.y[kept])


__all__ = ["Origin", "begin", "fitting", "read", "resolve", "written", "wrong_labels"]
