"""Windows: maps from the two or three coordinates of a picture into R^n.

What is drawn is the zero set of the logit composed with such a map. `Window` is a jax pytree, so one compiled
function serves all steps, seeds and directions of a world.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.stats import qmc

from toy import nets
from toy.errors import FieldError
from toy.labels import domain
from toy.manifolds import Manifold, point, safe_height, tangent, unit_normal
from toy.recording import Recording
from toy.world import View, World

MARGIN = 0.06  # of the parameter box, shown round it
GRID = 17  # nodes a side of the direction field of an unrolled window


@partial(jax.tree_util.register_dataclass, data_fields=("origin", "basis", "field_v"),
         meta_fields=("kind", "world", "low", "high", "labels", "half_height", "note"))
@dataclass(frozen=True)
class Window:
    """A map z in R^d -> R^n with the box low .. high that is shown.

    Affine (ambient, slice): z -> origin + z basis, basis (d, n) with orthonormal rows. Unrolled: (u, t) ->
    phi(u) + t v(u), v the geometric unit normal of a hypersurface, else interpolated from `field_v`.
    labels: axis names; half_height: shown |t|, a length; note: names the direction v.
    """

    kind: str
    world: World
    low: tuple[float, ...]
    high: tuple[float, ...]
    labels: tuple[str, ...]
    half_height: float
    note: str
    origin: Array
    basis: Array
    field_v: Array | None = None

    @property
    def dim(self) -> int:
        """Dimension d of the picture, 2 or 3."""
        return len(self.low)

    def to_ambient(self, z: Float[Array, "m d"]) -> Float[Array, "m n"]:
        """Points of R^n shown at display coordinates z."""
        return _to_ambient(_shape(self), jnp.asarray(z, jnp.float32))

    def field(self, params: nets.Params) -> Callable[[Array], Array]:
        """The logit in display coordinates, z (m, d) -> (m,); compiled once a block size.

        An affine window is folded into the first layer (W' = basis W, b' = b + origin W), so its cost does not
        depend on n.
        """
        if self.kind == "unrolled":
            return partial(_unrolled_logit, nets.logit(self.world), params, _shape(self))
        return partial(_apply, nets.logit(self.world), _fold(params, self.origin, self.basis))

    def display(self, u: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Display coordinates (m, d) of points x near phi(u): (u, height along v); x itself when ambient."""
        if self.kind == "ambient":
            return np.asarray(x)
        base = jnp.concatenate([jnp.asarray(u), jnp.zeros((len(u), 1))], axis=1)
        foot, up = _frame(_shape(self), base)
        return np.concatenate([np.asarray(u), np.asarray(jnp.sum((x - foot) * up, 1))[:, None]], axis=1)


def _shape(window: Window) -> Window:
    """The window without what only the picture needs: an equal static part means no recompilation."""
    zeros = (0.0,) * window.dim
    return replace(window, low=zeros, high=zeros, half_height=0.0, note="", labels=())


def _frame(window: Window, z: Array) -> tuple[Array, Array]:
    """Foot phi(u) (m, n) and unit direction v (m, n) of the line through each z = (u, t)."""
    world, u = window.world, z[:, :-1]
    if window.kind != "unrolled":
        return window.origin + u @ window.basis[:-1], jnp.broadcast_to(window.basis[-1], (len(z), world.n))
    manifold = world.geometry
    foot = point(manifold, world.n, window.origin[0], u)
    if window.field_v is None:
        return foot, unit_normal(manifold, u)
    low, high = jnp.array(manifold.domain).T
    index = ((u - low) / (high - low) * (GRID - 1)).T
    v = jax.vmap(lambda column: jax.scipy.ndimage.map_coordinates(column, list(index), 1, "nearest"),
                 in_axes=-1, out_axes=-1)(window.field_v)
    return foot, v / jnp.linalg.norm(v, axis=1, keepdims=True)


@jax.jit
def _to_ambient(window: Window, z: Array) -> Array:
    if window.kind != "unrolled":
        return window.origin + z @ window.basis
    foot, up = _frame(window, z)
    return foot + z[:, -1:] * up


@partial(jax.jit, static_argnums=0)
def _apply(logit: Callable, params: nets.Params, z: Array) -> Array:
    return logit(params, z)


@partial(jax.jit, static_argnums=0)
def _unrolled_logit(logit: Callable, params: nets.Params, window: Window, z: Array) -> Array:
    return logit(params, _to_ambient(window, z))


@jax.jit
def _fold(params: nets.Params, origin: Array, basis: Array) -> nets.Params:
    first = params["layer0"]
    folded = {"kernel": basis @ first["kernel"], "bias": first["bias"] + origin @ first["kernel"]}
    return {**params, "layer0": folded}


def split(world: World, u: Float[Array, "m k"], vectors: Float[Array, "m n"]) -> tuple[Array, Array]:
    """(tangent, normal) parts of vectors at phi(u), both (m, n)."""
    frame = tangent(world.geometry, world.n, u)
    along = jnp.einsum("mnk,mn->mk", frame, vectors)
    lateral = jnp.einsum("mnk,mk->mn", frame, along)
    return lateral, vectors - lateral


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
    raw = gradient(nets.logit(world), recording.params(step), jnp.asarray(x))
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
    n, offset, height = world.n, recording.knobs.offset, measuring_height(world)
    axes = tuple(f"u{'₁₂'[i]}" for i in range(manifold.k)) if manifold.k > 1 else ("u",)
    box = np.array(domain(manifold, world.sampling))
    low, high = (*box[:, 0].tolist(), -height), (*box[:, 1].tolist(), height)
    start = jnp.zeros(n).at[manifold.e].set(offset) if n > manifold.e else jnp.zeros(n)
    make = partial(Window, world=world, low=low, high=high, labels=(*axes, "t"), half_height=height)
    if manifold.flat:
        if world.codimension == 1:
            v, note = jnp.zeros(n).at[-1].set(1.0), "the normal"
        else:
            vectors, note = _direction(recording, view, recording.data.u, recording.data.x)
            v = _unit(vectors.mean(0))
        return make(kind="slice", note=note, origin=start, basis=jnp.concatenate([jnp.eye(manifold.k, n), v[None]]))
    empty = jnp.zeros((0, n))
    if n == manifold.k + 1:
        return make(kind="unrolled", note="the normal", origin=jnp.zeros(1), basis=empty)
    grid = parameter_grid(world, GRID)
    vectors, note = _direction(recording, view, grid, np.asarray(point(manifold, n, offset, jnp.asarray(grid))))
    field_v = _unit(vectors).reshape((GRID,) * manifold.k + (n,))
    return make(kind="unrolled", note=note.replace("the mean", "the net's own"), origin=jnp.array([offset]),
                basis=empty, field_v=field_v)


def parameter_grid(world: World, side: int) -> np.ndarray:
    """A regular grid (side^k, k) over the parameter box, ends included."""
    axes = [np.linspace(low, high, side) for low, high in domain(world.geometry, world.sampling)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, world.k).astype(np.float32)


@lru_cache(maxsize=64)
def _safe_height(manifold: Manifold) -> float:
    return safe_height(manifold)


def measuring_height(world: World) -> float:
    """How far from M a crossing is searched: half its extent, capped below its reach; a length."""
    return _safe_height(world.geometry)


def follow(recording: Recording, chart: Window) -> float:
    """Half height that shows the dimples: 3 x the 80 % quantile of the last step's |h|, at most the measuring height."""
    from toy.heights import heights  # heights works in a chart, which is made here

    u = np.concatenate([recording.data.u, _scattered(recording.world, 200)])
    found = heights(chart, recording.params(recording.last_step), u).nearest
    found = np.abs(found[np.isfinite(found)])
    most = measuring_height(recording.world)
    return float(np.clip(3 * np.quantile(found, 0.8), 0.02, most)) if len(found) else most


def _scattered(world: World, count: int) -> np.ndarray:
    low, high = np.array(domain(world.geometry, world.sampling)).T
    return (low + qmc.Halton(world.k, scramble=False).random(count) * (high - low)).astype(np.float32)


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


def window(recording: Recording, view: View) -> Window:
    """The picture's window of a view, its box fixed for the whole animation; FieldError when they do not fit."""
    kind = WINDOWS[kind_of(recording.world, view)]
    return kind(recording, view, normal_chart(recording, view))


def _picture_height(recording: Recording, view: View, chart: Window | None) -> float:
    if chart is None:
        return 0.0
    most = measuring_height(recording.world)
    if not recording.world.geometry.flat and view.half_height > most:
        raise FieldError("half_height", f"at most {most:.3g}, just below the reach of this manifold", view.half_height)
    return view.half_height or follow(recording, chart)


def _normal_window(recording: Recording, view: View, chart: Window | None) -> Window:
    """A slice or unrolled window: the normal chart, cut to the picture's height, with a margin on the sides."""
    assert chart is not None  # kind_of has refused ell = 0
    height = _picture_height(recording, view, chart)
    low, high = np.array(chart.low), np.array(chart.high)
    side = MARGIN * (high - low) * (chart.kind == "slice")
    low, high = low - side, high + side
    low[-1], high[-1] = -height, height
    return replace(chart, low=tuple(low.tolist()), high=tuple(high.tolist()), half_height=height)


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
                  chart.note if chart else "", jnp.zeros(n), jnp.eye(n))


WINDOWS: dict[str, Callable[[Recording, View, Window | None], Window]] = {
    "ambient": _ambient,
    "slice": _normal_window,
    "unrolled": _normal_window,
}
