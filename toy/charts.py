"""Charts: maps from the two or three coordinates of a picture into R^n, and the logit seen through them.

`Window` is a jax pytree, so one compiled function serves all steps, seeds and directions of a world.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import nets
from toy.manifolds import Manifold, point, tangent, unit_normal
from toy.world import World

GRID = 17  # nodes a side of the direction field of an unrolled window


@partial(jax.tree_util.register_dataclass, data_fields=("origin", "basis", "field_v"),
         meta_fields=("kind", "world", "low", "high", "labels", "half_height", "note", "net"))
@dataclass(frozen=True)
class Window:
    """A map z in R^d -> R^n with the box low .. high that is shown.

    Affine (ambient, slice): z -> origin + z basis, basis (d, n) with orthonormal rows. Unrolled: (u, t) ->
    phi(u) + t v(u), v the geometric unit normal of a hypersurface, else interpolated from `field_v` and made normal.
    Identity: what is left of an affine window once a net has taken it in.
    labels: axis names; half_height: shown |t|, a length; note: names the direction v. net: the logit of
    a net from elsewhere, None for the world's own, whose first layer can take in an affine map.
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
    net: nets.Logit | None = None

    @property
    def logit(self) -> nets.Logit:
        """(params, x (m, n)) -> logits (m,)."""
        return self.net or nets.logit(self.world)

    @property
    def dim(self) -> int:
        """Dimension d of the picture, 2 or 3."""
        return len(self.low)

    def to_ambient(self, z: Float[Array | np.ndarray, "m d"]) -> Float[Array, "m n"]:
        """Points of R^n shown at display coordinates z."""
        return to_ambient(shape(self), jnp.asarray(z, jnp.float32))

    def seen(self, params: nets.Params) -> tuple["Window", nets.Params]:
        """(window, params) by which the net is seen in display coordinates, with no more than that depends on.

        An affine window is folded into the first layer (W' = basis W, b' = b + origin W), which leaves the identity
        on R^d: lengths stay, as its basis is orthonormal, and neither cost nor compilation depends on n.
        """
        if self.kind == "unrolled" or self.net is not None:
            return shape(self), params
        return _identity(self.dim), fold(params, self.origin, self.basis)

    def field(self, params: nets.Params) -> Callable[[Array], Array]:
        """The logit in display coordinates, z (m, d) -> (m,); compiled once a block size."""
        where, folded = self.seen(params)
        return partial(through, self.logit, folded, where)

    def display(self, u: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Display coordinates (m, d) of points x near phi(u): (u, height along v); x itself when ambient."""
        if self.kind == "ambient":
            return np.asarray(x)
        return np.asarray(_display(shape(self), jnp.asarray(u), jnp.asarray(x)))


@cache
def _identity(d: int) -> Window:
    zeros = (0.0,) * d
    return Window("identity", World(), zeros, zeros, (), 0.0, "", origin=jnp.zeros(0), basis=jnp.zeros((0, 0)))


def shape(window: Window) -> Window:
    """The window with no more than its map depends on: an equal static part means no recompilation."""
    zeros, world = (0.0,) * window.dim, window.world
    bare = World(manifold=world.manifold, codimension=world.codimension)
    return replace(window, world=bare, low=zeros, high=zeros, half_height=0.0, note="", labels=())


def frame(window: Window, z: Float[Array, "m d"]) -> tuple[Float[Array, "m n"], Float[Array, "m n"]]:
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
    v = split(world, u, v)[1]  # M turns between two nodes: their mean leans up to 20 degrees off the normal space
    return foot, v / jnp.linalg.norm(v, axis=1, keepdims=True)


def split(world: World, u: Float[Array, "m k"], vectors: Float[Array, "m n"]) -> tuple[Array, Array]:
    """(tangent, normal) parts of vectors at phi(u), both (m, n)."""
    return _split(world.geometry, world.n, u, vectors)


@partial(jax.jit, static_argnums=(0, 1))
def _split(manifold: Manifold, n: int, u: Array, vectors: Array) -> tuple[Array, Array]:
    frame = tangent(manifold, n, u)
    along = jnp.einsum("mnk,mn->mk", frame, vectors)
    lateral = jnp.einsum("mnk,mk->mn", frame, along)
    return lateral, vectors - lateral


@jax.jit
def _display(window: Window, u: Array, x: Array) -> Array:
    foot, up = frame(window, jnp.pad(u, ((0, 0), (0, 1))))
    return jnp.concatenate([u, jnp.sum((x - foot) * up, axis=1, keepdims=True)], axis=1)


@jax.jit
def to_ambient(window: Window, z: Float[Array, "m d"]) -> Float[Array, "m n"]:
    """Points of R^n at display coordinates z, for use inside jitted code."""
    if window.kind == "identity":
        return z
    if window.kind != "unrolled":
        return window.origin + z @ window.basis
    foot, up = frame(window, z)
    return foot + z[:, -1:] * up


@partial(jax.jit, static_argnums=0)
def through(logit: Callable, params: nets.Params, window: Window, z: Float[Array, "m d"]) -> Float[Array, " m"]:
    """The logit at display coordinates z; `window` and `params` as `Window.seen` gives them."""
    return logit(params, to_ambient(window, z))


@jax.jit
def fold(params: nets.Params, origin: Float[Array, " n"], basis: Float[Array, "d n"]) -> nets.Params:
    """Parameters of the net z -> f(origin + z basis): only the first layer changes."""
    first = params["layer0"]
    folded = {"kernel": basis @ first["kernel"], "bias": first["bias"] + origin @ first["kernel"]}
    return {**params, "layer0": folded}
