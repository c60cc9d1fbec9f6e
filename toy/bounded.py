"""Attacks within eps: which points a displacement of at most eps flips - anywhere, inside M, off it, by chance.

A method proposes, `attack` disposes: it projects the proposal to the space and to the ball, and judges success itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import attacks, nets, pgd, rays
from toy.attacks import REACH
from toy.errors import FieldError, one_of
from toy.labels import domain
from toy.manifolds import Manifold, jacobian, point, tangent
from toy.recording import Recording

SPACES = ("free", "on", "off", "random")
STEPS = 40  # of PGD: four times those of training
DEEPFOOL = 30
PAST = 1.001  # a minimal perturbation ends on the boundary; the class flips just beyond it
DRAWS = 16  # of the chance level


@dataclass(frozen=True)
class Target:
    """What a method may look at: the net at one step, the points, and the space it may move in.

    x: (N, n), u: (N, k), y: (N,). A linear space at each point is the image of `project`, (N, n) -> (N, n). Inside M
    (space "on") a proposal is (N, k) parameters, elsewhere (N, n) points.
    """

    recording: Recording
    step: int
    space: str
    seed: int
    u: Float[Array, "N k"]
    x: Float[Array, "N n"]
    y: Float[Array, " N"]
    frame: Float[Array, "N n k"]

    @property
    def logit(self) -> nets.Logit:
        """The net's logit, (params, x) -> (N,)."""
        return self.recording.logit

    @property
    def params(self) -> nets.Params:
        """The net's parameters at the step."""
        return self.recording.params(self.step)

    @property
    def manifold(self) -> Manifold:
        """M itself."""
        return self.recording.world.geometry

    @property
    def box(self) -> pgd.Box:
        """The parameter box that M ends at."""
        return domain(self.manifold, self.recording.world.sampling)

    @property
    def weights(self) -> Array:
        """The space as `toy.rays` says it: multiples of v and of Q Q^T v, Q the frame."""
        return jnp.array({"free": (1.0, 0.0), "off": (1.0, -1.0)}.get(self.space, (0.0, 1.0)))


@dataclass(frozen=True)
class Attacked:
    """What an attack within eps did to N points.

    x_adv, delta: (N, n), x_adv = x + delta, lengths; |delta| <= eps in `norm`, delta in `space`. right: (N,) the point
    was right, y f(x) > 0. flipped: (N,) it was right and y f(x_adv) <= 0. robust_accuracy: share of points right and
    not flipped. chance: mean share of points that as long a random displacement in the same space leaves right.
    """

    name: str
    space: str
    norm: str
    eps: float
    x_adv: Float[np.ndarray, "N n"]
    delta: Float[np.ndarray, "N n"]
    right: np.ndarray
    flipped: np.ndarray
    chance: float

    @property
    def robust_accuracy(self) -> float:
        """Share of points that were right and stay so."""
        return float((self.right & ~self.flipped).mean())


Method = Callable[[Target, float], Array | np.ndarray]  # -> proposed points (N, n), or parameters (N, k) inside M


def attack(
    name: str, recording: Recording, step: int, eps: float, space: str = "free", seed: int = 0
) -> Attacked:
    """An attack of BOUNDED on all training points after `step` updates, within eps of each.

    max over x' of -y f(x') with |x' - x| <= eps in the method's norm; x' - x anywhere ("free"), in the normal space at
    phi(u) ("off"), in a random k-dimensional subspace, one a point ("random", the null of "on"); or x' in M ("on").
    eps: length. seed: of the random subspaces. A point that is wrong at first counts as lost, not as flipped.
    Raises FieldError for an unknown name or space, an eps that is no length, a step outside the recording.
    """
    if not isinstance(name, str) or name not in BOUNDED:
        raise FieldError("attack", one_of(BOUNDED), name)
    eps = check_eps(eps)
    method, norm = BOUNDED[name]
    target = aim(recording, step, space, seed)
    x_adv = keep(target, np.asarray(method(target, eps)), eps, norm)
    right = _right(target, target.x)
    drawn = [_right(target, keep(target, _noise(target, eps, draw), eps, norm)) for draw in range(DRAWS)]
    return Attacked(name, space, norm, eps, x_adv, x_adv - recording.data.x, right, right & ~_right(target, x_adv),
                    float(np.mean([right & still for still in drawn])))


def check_eps(eps: float) -> float:
    """The radius as a float; FieldError when it is not a finite length."""
    if isinstance(eps, bool) or not isinstance(eps, (int, float, np.number)) or not 0 <= eps < np.inf:
        raise FieldError("eps", "a finite length, 0 or more", eps)
    return float(eps)


def aim(recording: Recording, step: int, space: str, seed: int = 0) -> Target:
    """The target of attacks in a space; FieldError for an unknown space or a step outside the recording."""
    if not isinstance(space, str) or space not in SPACES:
        raise FieldError("space", one_of(SPACES), space)
    world, data = recording.world, recording.data
    u, x, y = (jnp.asarray(a) for a in (data.u, data.x, data.y))
    drawn = space == "random"
    frame = jnp.asarray(attacks.random_subspaces(recording, seed)) if drawn else tangent(world.geometry, world.n, u)
    return Target(recording, step, space, seed, u, x, y, frame)


def keep(target: Target, proposal: np.ndarray, eps: float, norm: str) -> Float[np.ndarray, "N n"]:
    """The points x' that remain of a proposal: in the space, within eps; x itself for what is not finite.

    A displacement is projected, then scaled. Parameters are held in the box of M; the way to them from u is cut short
    where |phi(u') - x| passes eps.
    """
    start = np.asarray(target.u if target.space == "on" else target.x)
    if proposal.shape != start.shape:
        raise FieldError("attack", f"a method whose proposal has shape {start.shape}", proposal.shape)
    whole = jnp.asarray(np.where(np.isfinite(proposal).all(1)[:, None], proposal, start), jnp.float32)
    if target.space == "on":
        where = jnp.float32(target.recording.knobs.offset)
        ends = jnp.array(target.box)
        return np.asarray(_inside(target.manifold, norm, where, ends, target.u, target.x, whole, jnp.float32(eps)))
    delta = _project(target.frame, target.weights, whole - target.x)
    return np.asarray(target.x + pgd.within_ball(delta, jnp.float32(eps), norm))


@jax.jit
def _project(frame: Array, weights: Array, v: Array) -> Array:
    return jax.vmap(rays._project, (0, None, 0))(frame, weights, v)


@partial(jax.jit, static_argnums=(0, 1))
def _inside(
    manifold: Manifold, norm: str, where: Array, ends: Array, u: Array, x: Array, v: Array, eps: Array
) -> Array:
    place = partial(point, manifold, x.shape[1], where)
    loose = jnp.array(manifold.period) > 0
    v = jnp.where(loose, v, jnp.clip(v, *ends.T))
    fits = lambda w: pgd.size(place(w) - x, norm) <= eps  # noqa: E731
    found = place(pgd.shorten(fits, u, v))
    # Noise may have put x further than eps from M.
    return jnp.where((pgd.size(found - x, norm) <= eps)[:, None], found, x)


def _right(target: Target, x: np.ndarray | Array) -> np.ndarray:
    return np.asarray(target.logit(target.params, jnp.asarray(x)) * target.y) > 0


def _noise(target: Target, eps: float, draw: int) -> np.ndarray:
    """A proposal in a random direction, at the end of the ball."""
    start = np.asarray(target.u if target.space == "on" else target.x)
    raw = np.random.default_rng((draw, target.seed)).standard_normal(start.shape).astype(np.float32)
    if target.space == "on":
        spread = np.asarray(jacobian(target.manifold, target.x.shape[1], target.u))
        kept = np.einsum("mnk,mk->mn", spread, raw)
    else:
        raw = kept = np.asarray(_project(target.frame, target.weights, jnp.asarray(raw)))
    return start + raw * (2 * eps / np.maximum(np.abs(kept).max(1, keepdims=True), 1e-12))


# -- methods: what they propose need not be in the ball nor in the space ----------------------------------------------


def ascent(target: Target, eps: float, norm: str, steps: int) -> Array:
    """`pgd.ascend`, or `pgd.climb` inside M: `steps` steps of projected gradient ascent; one step of "linf" is FGSM."""
    most = jnp.float32(eps)
    if target.space == "on":
        return _climb(target.logit, target.params, target.manifold, target.box, norm, steps, target.u, target.x,
                      target.y, most)
    return _ascend(target.logit, target.params, norm, steps, target.frame, target.weights, target.x, target.y, most)


@partial(jax.jit, static_argnums=(0, 2, 3))
def _ascend(
    logit: nets.Logit, params: nets.Params, norm: str, steps: int, frame: Array, weights: Array, x: Array, y: Array,
    eps: Array,
) -> Array:
    return pgd.ascend(logit, params, x, y, eps, norm, partial(_project, frame, weights), steps)


@partial(jax.jit, static_argnums=(0, 2, 3, 4, 5))
def _climb(
    logit: nets.Logit, params: nets.Params, manifold: Manifold, box: pgd.Box, norm: str, steps: int, u: Array, x: Array,
    y: Array, eps: Array,
) -> Array:
    shift = x - point(manifold, x.shape[1], 0.0, u)
    return pgd.climb(logit, params, manifold, box, shift, u, y, eps, norm, steps)


def deepfool(target: Target, eps: float) -> Array:
    """Newton's way to the boundary, z <- z - 1.02 f g / |g|^2 with f, g at z, until the class flips.

    g is the gradient within the space; inside M the same in the parameters, (J^T J)^-1 J^T g for g. At most DEEPFOOL
    steps. Source: Moosavi-Dezfooli, Fawzi, Frossard, CVPR 2016, arXiv:1511.04599.
    """
    reach = jnp.float32(REACH * target.manifold.extent)
    if target.space == "on":
        shift = target.x - point(target.manifold, target.x.shape[1], 0.0, target.u)
        return _newton_on(target.logit, target.params, target.manifold, shift, jnp.array(target.box), target.u, reach)
    return _newton(target.logit, target.params, target.frame, target.weights, target.x, reach)


def _step(f: Array, steep: Array, reach: Array) -> Array:
    """Signed length of a Newton step, capped; 0 where there is no slope."""
    return jnp.where(steep > 0, jnp.clip(1.02 * f / jnp.where(steep > 0, steep, 1.0), -reach / 4, reach / 4), 0.0)


@partial(jax.jit, static_argnums=0)
def _newton(logit: nets.Logit, params: nets.Params, frame: Array, weights: Array, x: Array, reach: Array) -> Array:
    sign = jnp.sign(logit(params, x))

    def step(_: int, z: Array) -> Array:
        f, back = jax.vjp(partial(logit, params), z)
        g = _project(frame, weights, back(jnp.ones_like(f))[0])
        steep = jnp.linalg.norm(g, axis=1)
        d = (_step(f, steep, reach) / jnp.where(steep > 0, steep, 1.0))[:, None] * g
        return jnp.where((sign * f > 0)[:, None], z - d, z)

    return jax.lax.fori_loop(0, DEEPFOOL, step, x)


@partial(jax.jit, static_argnums=(0, 2))
def _newton_on(
    logit: nets.Logit, params: nets.Params, manifold: Manifold, shift: Array, ends: Array, u: Array, reach: Array
) -> Array:
    loose = jnp.array(manifold.period) > 0
    place = lambda v: point(manifold, shift.shape[1], 0.0, v) + shift  # noqa: E731
    spread = jax.vmap(jax.jacfwd(lambda v: point(manifold, shift.shape[1], 0.0, v[None])[0]))
    sign = jnp.sign(logit(params, place(u)))

    def step(_: int, v: Array) -> Array:
        f, back = jax.vjp(lambda w: logit(params, place(w)), v)
        g, j = back(jnp.ones_like(f))[0], spread(v)
        metric = jnp.einsum("mnk,mnl->mkl", j, j) + 1e-9 * jnp.eye(u.shape[1])
        up = jnp.linalg.solve(metric, g[..., None])[..., 0]
        steep = jnp.sqrt(jnp.maximum(jnp.sum(g * up, 1), 0.0))
        end = v - (_step(f, steep, reach) / jnp.where(steep > 0, steep, 1.0))[:, None] * up
        return jnp.where((sign * f > 0)[:, None], jnp.where(loose, end, jnp.clip(end, *ends.T)), v)

    return jax.lax.fori_loop(0, DEEPFOOL, step, u)


def shortest(target: Target, eps: float) -> np.ndarray:
    """The minimal perturbation of the space, .1 % beyond the boundary: it flips a point if anything within eps does."""
    found = minimal(target)
    start, end = np.asarray(target.x), found.foot
    if target.space == "on":
        start, end = np.asarray(target.u), found.boundary_u
        period = np.array(target.manifold.period)
        turns = np.round((end - start) / np.where(period > 0, period, 1)) * period
        end = end - np.nan_to_num(turns)
        foot = point(target.manifold, target.x.shape[1], target.recording.knobs.offset, target.u)
        end = np.where(_right(target, foot)[:, None] | ~_right(target, target.x)[:, None], end, start)
    return start + PAST * (end - start)


def minimal(target: Target) -> attacks.Perturbations:
    """The minimal perturbations of a target's space, with `toy.attacks`."""
    if target.space == "random":
        return attacks.within(target.recording, target.step, np.asarray(target.frame))
    return attacks.minimal(target.space, target.recording, target.step)


# -- robust accuracy over eps ----------------------------------------------------------------------------------------


def distances(recording: Recording, step: int, space: str = "free", seed: int = 0) -> Float[np.ndarray, " N"]:
    """Length of the shortest displacement of each point that flips it, L2: 0 for a wrong point, inf without any.

    Exact up to the solver of `toy.attacks`. Raises FieldError as `attack` does.
    """
    target = aim(recording, step, space, seed)
    right, far = _right(target, target.x), minimal(target).distance
    if space == "on":  # noise has put x off M: the boundary may lie between
        foot = point(target.manifold, target.x.shape[1], recording.knobs.offset, target.u)
        far = np.where(right & ~_right(target, foot), np.linalg.norm(foot - target.x, axis=1), far)
    return np.where(right, far, 0.0)


def robust_accuracy(
    recording: Recording, step: int, eps_values: Sequence[float], space: str = "free", seed: int = 0
) -> Float[np.ndarray, " E"]:
    """Share of points right and further than eps from the boundary, for each eps (lengths, L2): (E,).

    mean over i of [y_i f(x_i) > 0 and min |delta_i| > eps]. Its null for "on" is "random". Raises FieldError as
    `attack` does.
    """
    eps = np.array([check_eps(eps) for eps in np.ravel(eps_values)])
    return (distances(recording, step, space, seed)[None] > eps[:, None]).mean(1)


BOUNDED: dict[str, tuple[Method, str]] = {
    "fgsm": (partial(ascent, norm="linf", steps=1), "linf"),
    "pgd-l2": (partial(ascent, norm="l2", steps=STEPS), "l2"),
    "pgd-linf": (partial(ascent, norm="linf", steps=STEPS), "linf"),
    "deepfool": (deepfool, "l2"),
    "minimal": (shortest, "l2"),
}

__all__ = ["BOUNDED", "SPACES", "Attacked", "Target", "attack", "distances", "robust_accuracy"]
