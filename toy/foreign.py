"""Nets trained elsewhere: any JAX-traceable function with its parameters by step, looked at like a run of our own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toy import training
from toy.errors import FieldError
from toy.labels import Data
from toy.nets import Params
from toy.recording import Recording
from toy.regimes import logistic_loss
from toy.world import Knobs, World, bounds, of_kind


class Foreign(Recording):
    """A recording of parameters that were given, not trained here; it has no optimiser state and is not saved."""

    def __init__(self, apply_fn: Callable[[Any, Any], Any], params_by_step: Sequence[Any], world: World, knobs: Knobs):
        self.world, self.knobs = world, knobs.replace(steps=max(1, len(params_by_step) - 1))
        self.origin = None
        self.finished, self.diverged_at, self._base = True, None, 0
        points = training.start(world, self.knobs)[1]
        self.data = self.training = Data(*(np.asarray(a) for a in points))
        self._params = [jax.tree.map(jnp.asarray, params) for params in params_by_step]
        self.net = _logit(apply_fn)
        self._rule = training.rule(world)._replace(logit=self.net)
        self._known = len(self._params)
        logits = [np.asarray(self.logit(params, points.x), float) for params in self._params]
        signed = np.array(logits) * self.data.y
        self._scalars = {
            "loss": np.array([float(logistic_loss(jnp.asarray(f), points.y)) for f in logits], np.float32),
            "accuracy": (signed > 0).mean(1).astype(np.float32), "margin": signed.min(1).astype(np.float32),
        }

    @property
    def nbytes(self) -> int:
        """Bytes of all parameters and scalars."""
        return sum(a.nbytes for a in jax.tree.leaves(self._params)) + sum(a.nbytes for a in self._scalars.values())

    def params(self, step: int) -> Params:
        """The parameters given for a step."""
        return self._params[self.check_step(step)]

    def state(self, step: int) -> training.State:
        """Always FieldError: there is no optimiser state to go on from."""
        raise FieldError("start", "a run that was trained here", "a net from elsewhere")

    def save(self, file: Any, provenance: Any = None) -> None:
        """Always FieldError: keep the function and its parameters where they come from."""
        raise FieldError("file", "a run that was trained here", "a net from elsewhere")


def _logit(apply_fn: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The function as (params, x (m, n)) -> (m,), compiled once."""

    @jax.jit
    def logit(params: Any, x: Any) -> Any:
        out = jnp.asarray(apply_fn(params, x))
        return out.reshape(len(x)) if out.ndim == 2 else out

    return logit


def _shapes(params: Any) -> Any:
    """What parameters of one function share: the tree and its arrays' shapes."""
    leaves, tree = jax.tree.flatten(params)
    return tree, [np.shape(leaf) for leaf in leaves]


def record(
    apply_fn: Callable[[Any, Any], Any], params_by_step: Sequence[Any], world: World, knobs: Knobs | None = None
) -> Recording:
    """A recording of your own net on a world's data: everything but training and saving works as for ours.

    apply_fn: (params, x (m, n)) -> logits (m,) or (m, 1), any JAX-traceable function; class is the logit's sign.
    params_by_step: its parameters after 0, 1, 2, ... steps, pytrees of arrays of equal shapes. world and knobs say the
    manifold and the data; what they say of net and training does not count. Raises FieldError naming
    `params_by_step` when there are none, too many, some of other shapes than the first or not finite, or `apply_fn`
    when its answer has another shape or type.
    """
    knobs = Knobs() if knobs is None else knobs
    of_kind("world", world, World)
    of_kind("knobs", knobs, Knobs)
    most = int(bounds("steps")[1]) + 1
    in_order = hasattr(params_by_step, "__len__") and not isinstance(params_by_step, Mapping | str)
    if not in_order or not 1 <= len(params_by_step) <= most:
        got = len(params_by_step) if in_order else type(params_by_step).__name__
        raise FieldError("params_by_step", f"a sequence of the parameters of 1 to {most} steps", got)
    like = _shapes(params_by_step[0])
    for step, params in enumerate(params_by_step):
        if _shapes(params) != like:
            raise FieldError("params_by_step", "pytrees of arrays of equal shapes", f"others at step {step}")
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params)):
            raise FieldError("params_by_step", "finite", f"numbers that are not at step {step}")
    shape = (world.point_count, world.n)
    try:
        out = jax.eval_shape(apply_fn, params_by_step[0], jax.ShapeDtypeStruct(shape, jnp.float32))
    except Exception as error:  # whatever the function raises when it is traced
        raise FieldError("apply_fn", f"a function (params, x {shape}) -> logits ({shape[0]},)", type(error).__name__,
                         str(error)[:200]) from error
    if getattr(out, "shape", None) not in ((shape[0],), (shape[0], 1)) or not jnp.issubdtype(out.dtype, jnp.floating):
        raise FieldError("apply_fn", f"a function (params, x {shape}) -> logits ({shape[0]},)", out)
    return Foreign(apply_fn, params_by_step, world, knobs)


__all__ = ["record"]
