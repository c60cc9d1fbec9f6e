"""Windows: maps from the two or three coordinates of a picture into R^n.

What is drawn is the zero set of the logit composed with such a map.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float

from toy import nets
from toy.charts import GRID, Window, split
from toy.errors import FieldError
from toy.heights import heights
from toy.labels import domain
from toy.manifolds import point, safe_height
from toy.recording import Recording
from toy.world import Knobs, View, World

MARGIN = 0.06  # of the parameter box, shown round it


@partial(jax.jit, static_argnums=0)
def gradient(logit: Callable, params: nets.Params, x: Float[Array, "m n"]) -> Float[Array, "m n"]:
    """grad f at each x; logits per length."""
    return jax.grad(lambda a: jnp.sum(logit(params, a)))(x)


def _direction(recording: Recording, view: View, u: np.ndarray, x: np.ndarray) -> tuple[Array, str]:
    """Vectors (m, n) in the normal spaces at u - the off-manifold gradient, or random ones - and their name."""
    world = recording.world
    if view.direction == "random":
        key = jax.random.fold_in(jax.random.key(recording.knobs.seed), 4)
        raw = jnp.broadcast_to(jax.random.normal(key, (world.n,)), (len(u), world.n))
        return split(world, jnp.asarray(u), raw)[1], "a random normal direction"
    step = reference_step(recording, view)
    raw = gradient(recording.logit, recording.params(step), jnp.asarray(x))
    return split(world, jnp.asarray(u), raw)[1], f"the mean off-manifold gradient of step {step}"


def reference_step(recording: Recording, view: View) -> int:
    """The step whose gradient fixes the direction; -1 stands for the last."""
    if view.reference_step > recording.last_step:
        raise FieldError("reference_step", f"between -1 and {recording.last_step}", view.reference_step)
    return recording.last_step if view.reference_step < 0 else view.reference_step


def _unit(v: Array) -> Array:
    length = jnp.linalg.norm(v, axis=-1, keepdims=True)
    first = jnp.zeros(v.shape).at[..., -1].set(1.0)  # the last axis is normal to every manifold with e < n
    return jnp.where(length > 1e-12, v / jnp.where(length > 1e-12, length, 1.0), first)


def normal_chart(recording: Recording, view: View) -> Window | None:
    """The chart (u, t) -> phi(u) + t v(u) in which heights are measured; None without normal directions (ell = 0).

    v is one fixed vector for a flat manifold, the geometric normal of a hypersurface in its own space, the
    net's own off-manifold gradient otherwise.
    """
    world, manifold = recording.world, recording.world.geometry
    if world.codimension == 0:
        return None
    if not manifold.flat:
        return _bent(recording, view)
    n = world.n
    if world.codimension == 1:
        v, note = np.eye(n, dtype=np.float32)[-1], "the normal"
    else:
        vectors, note = _direction(recording, view, recording.data.u, recording.data.x)
        v = np.asarray(_unit(vectors.mean(0)))
    basis = np.concatenate([np.eye(manifold.k, n, dtype=np.float32), v[None]])
    start = np.zeros(n, np.float32)  # by numpy, as jax would compile each of its steps for every new n
    start[manifold.e : manifold.e + 1] = recording.knobs.offset
    return _chart(recording, kind="slice", note=note, origin=jnp.asarray(start), basis=jnp.asarray(basis))


def _chart(recording: Recording, **along: Any) -> Window:
    """A chart over the parameter box, up to the measuring height."""
    world, height = recording.world, measuring_height(recording.world)
    axes = tuple(f"u{'₁₂'[i]}" for i in range(world.k)) if world.k > 1 else ("u",)
    box = np.array(domain(world.geometry, world.sampling))
    low, high = (*box[:, 0].tolist(), -height), (*box[:, 1].tolist(), height)
    return Window(world=world, low=low, high=high, labels=(*axes, "t"), half_height=height, net=recording.net, **along)


def _bent(recording: Recording, view: View) -> Window:
    """The chart whose v(u) turns with u: the geometric normal where it is unique, else the net's own gradient."""
    world, manifold, n, offset = recording.world, recording.world.geometry, recording.world.n, recording.knobs.offset
    empty = jnp.zeros((0, n))
    if n == manifold.k + 1:
        return _chart(recording, kind="unrolled", note="the normal", origin=jnp.zeros(1), basis=empty)
    grid = parameter_grid(world, GRID)
    vectors, note = _direction(recording, view, grid, np.asarray(point(manifold, n, offset, jnp.asarray(grid))))
    field_v = _unit(vectors).reshape((GRID,) * manifold.k + (n,))
    return _chart(recording, kind="unrolled", note=note.replace("the mean", "the net's own"),
                  origin=jnp.array([offset]), basis=empty, field_v=field_v)


def parameter_grid(world: World, side: int) -> np.ndarray:
    """A regular grid (side^k, k) over the parameter box, ends included."""
    axes = [np.linspace(low, high, side) for low, high in domain(world.geometry, world.sampling)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, world.k).astype(np.float32)


_safe_height = lru_cache(maxsize=64)(safe_height)


def measuring_height(world: World) -> float:
    """How far from M a crossing is searched: half its extent, capped below its reach; a length."""
    return _safe_height(world.geometry)


def phase_height(world: World) -> float:
    """How far from M the phases look for the boundary: twice the measuring height, capped below M's reach; a length.

    Half the extent is not enough for them: a boundary that starts further away could not be seen to come closer.
    """
    return _safe_height(world.geometry, 1.0)


def follow(recording: Recording, chart: Window) -> float:
    """Half height that shows the dimples: 3 x the 80 % quantile of the last step's |h|, .02 .. measuring height."""
    u = np.concatenate([recording.data.u, _scattered(recording.world, 200)])
    found = heights(chart, recording.params(recording.last_step), u).nearest
    found = np.abs(found[np.isfinite(found)])
    most = measuring_height(recording.world)
    return float(np.clip(3 * np.quantile(found, 0.8), 0.02, most)) if len(found) else most


def _scattered(world: World, count: int) -> np.ndarray:
    low, high = np.array(domain(world.geometry, world.sampling)).T
    return (low + scipy.stats.qmc.Halton(world.k, scramble=False).random(count) * (high - low)).astype(np.float32)


def kind_of(world: World, view: View) -> str:
    """The window a view means for a world; FieldError when the two do not fit."""
    flat, n = world.geometry.flat, world.n
    fits = [name for name, fit in (("ambient", n in (2, 3)), ("slice", flat and world.codimension >= 1),
                                   ("unrolled", world.codimension >= 1)) if fit]
    if view.window == "auto":
        return fits[0]
    if view.window not in fits:
        why = {"ambient": f"the world has {n} dimensions, a picture at most 3",
               "slice": "a slice needs a flat manifold with a normal direction",
               "unrolled": "there is no direction off the manifold"}[view.window]
        raise FieldError("window", f"one of [auto, {', '.join(fits)}] for this world", view.window, why)
    return view.window


def check_view(world: World, knobs: Knobs, view: View) -> None:
    """FieldError for a view that does not fit a world, before it is trained."""
    kind_of(world, view)
    _check_height(world, view)
    if view.reference_step > knobs.steps:
        raise FieldError("reference_step", f"at most steps, {knobs.steps}", view.reference_step)


def _check_height(world: World, view: View) -> None:
    most = measuring_height(world)
    if not world.geometry.flat and world.codimension and view.half_height > most:
        raise FieldError("half_height", f"at most {most:.3g}, just below the reach of this manifold", view.half_height)


def window(recording: Recording, view: View) -> Window:
    """The picture's window of a view, its box fixed for the whole animation; FieldError when they do not fit."""
    _check_height(recording.world, view)
    kind = WINDOWS[kind_of(recording.world, view)]
    return kind(recording, view, normal_chart(recording, view))


def _picture_height(recording: Recording, view: View, chart: Window | None) -> float:
    if chart is None:
        return 0.0
    return view.half_height or follow(recording, chart)


def _normal_window(recording: Recording, view: View, chart: Window | None) -> Window:
    """A slice or unrolled window: a normal chart, cut to the picture's height, a slice with a margin on the sides."""
    assert chart is not None  # kind_of has refused ell = 0
    height = _picture_height(recording, view, chart)
    low, high = np.array(chart.low), np.array(chart.high)
    side = MARGIN * (high - low) * (chart.kind == "slice")
    low, high = low - side, high + side
    low[-1], high[-1] = -height, height
    return replace(chart, low=tuple(low.tolist()), high=tuple(high.tolist()), half_height=height)


def _unrolled(recording: Recording, view: View, chart: Window | None) -> Window:
    """An unrolled window; over a flat manifold with one normal direction it is the slice."""
    bent = recording.world.geometry.flat and recording.world.codimension > 1
    return _normal_window(recording, view, _bent(recording, view) if bent else chart)


def _ambient(recording: Recording, view: View, chart: Window | None) -> Window:
    """The whole space of a world with n = 2 or 3: M's bounding box and the picture's height round it."""
    world, n = recording.world, recording.world.n
    height = _picture_height(recording, view, chart)
    grid = jnp.asarray(parameter_grid(world, 65))
    x = np.asarray(point(world.geometry, n, recording.knobs.offset, grid))
    x = np.concatenate([x, recording.data.x])
    low, high = x.min(0), x.max(0)
    span = high - low
    pad = np.where(span > 1e-6, MARGIN * span if world.geometry.flat else height, height)
    names = ("x", "y", "z")[:n]
    return Window("ambient", world, tuple((low - pad).tolist()), tuple((high + pad).tolist()), names, height,
                  chart.note if chart else "", jnp.zeros(n), jnp.eye(n), net=recording.net)


WINDOWS: dict[str, Callable[[Recording, View, Window | None], Window]] = {
    "ambient": _ambient,
    "slice": _normal_window,
    "unrolled": _unrolled,
}
