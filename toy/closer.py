"""One training point from close by: the logit along its three arrows, and a plane through it, across the sheet."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from toy import attacks, windows
from toy.charts import Window, frame
from toy.errors import FieldError
from toy.labels import domain
from toy.manifolds import jacobian, point, tangent
from toy.recording import Recording
from toy.world import View

SAMPLES = 241  # along an arrow: two crossings closer than that are not seen
PAST = 1.6  # the longest arrow's length that is looked along
SIDE = 0.3  # half width of the plane, of the manifold's extent
CURVE = 65  # points of the manifold in the plane


@dataclass(frozen=True)
class Line:
    """The logit along one way from a point.

    kind: "free", "on" or "off". length: (m,) way from x; inside M the sum of chords, after the distance of x from M.
    logit: (m,) f there, NaN where M has ended. crossings: (c,) lengths at which it changes sign. distance: of the
    minimal perturbation as `toy.attacks` finds it, for "on" the chord; inf without one - then the way is straight
    downhill, |f| falling. delta: (n,) that perturbation, NaN without one.
    """

    kind: str
    length: Float[np.ndarray, " m"]
    logit: Float[np.ndarray, " m"]
    crossings: Float[np.ndarray, " c"]
    distance: float
    delta: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Section:
    """The plane x + a tau + b v: tau tangent to M, v normal to it (for ell = 0 the second tangent direction).

    window: the plane as an affine window, display coordinates (a, b), lengths; x is its origin. manifold: (m, 2) M's
    curve along tau, dropped on to the plane. arrows: kind -> (2,) the minimal perturbation, dropped likewise, NaN
    without one. inside: kind -> share of its squared length that lies in the plane.
    """

    window: Window
    manifold: Float[np.ndarray, "m 2"]
    arrows: dict[str, np.ndarray]
    inside: dict[str, float]


def check_point(recording: Recording, which: int) -> int:
    """The number of a training point; FieldError naming `point` outside 0 .. N - 1."""
    count = len(recording.data.x)
    if isinstance(which, bool) or not isinstance(which, (int, np.integer)) or not 0 <= which < count:
        raise FieldError("point", f"a whole number between 0 and {count - 1}", which)
    return int(which)


def look(
    recording: Recording, view: View, step: int, which: int, height: float = 0.0
) -> tuple[dict[str, Line], Section]:
    """Training point `which` after `step` updates: the logit along its arrows, all up to one length, and the plane.

    The plane is the same at every step: tau is the tangent part of the gradient there at the view's reference step, v
    the direction in which heights are measured. height: half of the plane's height, a length; 0 takes its half width.
    "off" is left out for ell = 0. Raises FieldError for a point or a step there is none of.
    """
    which = check_point(recording, which)
    kinds = [kind for kind in attacks.ATTACKS if kind != "off" or recording.world.codimension]
    found = {kind: attacks.minimal(kind, recording, step) for kind in kinds}
    known = [float(f.distance[which]) for f in found.values() if np.isfinite(f.distance[which])]
    most = max(PAST * max(known) if known else windows.measuring_height(recording.world), 1e-6)
    lines = {kind: _line(recording, step, which, f, most) for kind, f in found.items()}
    return lines, _section(recording, view, which, height, {kind: line.delta for kind, line in lines.items()})


def _line(recording: Recording, step: int, which: int, found: attacks.Perturbations, most: float) -> Line:
    x = recording.data.x[which]
    logit, params = recording.logit, recording.params(step)
    delta, distance = found.delta[which], float(found.distance[which])
    if found.kind == "on":
        points, length = _way(recording, step, which, found.boundary_u[which], most)
    else:
        length = np.linspace(0, most, SAMPLES)
        toward = delta if distance < np.inf else _downhill(recording, step, which, found.kind)
        points = x + length[:, None] * toward / max(float(np.linalg.norm(toward)), 1e-12)
    f = np.asarray(logit(params, jnp.asarray(np.nan_to_num(points), jnp.float32)))
    f = np.where(np.isfinite(points).all(1), f, np.nan)
    change = np.flatnonzero((f[:-1] > 0) != (f[1:] > 0))
    change = change[np.isfinite(f[change]) & np.isfinite(f[change + 1])]
    share = f[change] / (f[change] - f[change + 1])
    crossings = length[change] + share * (length[change + 1] - length[change])
    return Line(found.kind, length, f, crossings, distance, delta)


def _downhill(recording: Recording, step: int, which: int, kind: str) -> np.ndarray:
    """The direction, in R^n or in the tangent or normal space, in which |f| falls fastest."""
    data, logit, params = recording.data, recording.logit, recording.params(step)
    x, u = jnp.asarray(data.x[which][None]), jnp.asarray(data.u[which][None])
    g = -np.sign(logit(params, x))[:, None] * windows.gradient(logit, params, x)
    lateral, normal = windows.split(recording.world, u, g)
    return np.asarray({"free": g, "on": lateral, "off": normal}[kind])[0]


def _way(recording: Recording, step: int, which: int, end: np.ndarray, most: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (SAMPLES, n) straight on in the parameters through `end`, or downhill without one; and their lengths."""
    world, data = recording.world, recording.data
    manifold, u = world.geometry, data.u[which]
    period = np.array(manifold.period)
    if np.isfinite(end).all():
        d = end - u
        d = d - np.round(d / np.where(period > 0, period, 1)) * period
    else:
        spread = np.asarray(jacobian(manifold, world.n, jnp.asarray(u[None])))[0]
        d = np.linalg.lstsq(spread, _downhill(recording, step, which, "on"), rcond=None)[0]
    # Far enough in the parameters, by the speed at the start; then cut at the length asked for.
    speed = float(np.linalg.norm(np.asarray(jacobian(manifold, world.n, jnp.asarray(u[None])))[0] @ d))
    v = u + np.linspace(0, 2 * most / max(speed, 1e-12), 4 * SAMPLES)[:, None] * d
    low, high = np.array(domain(manifold, world.sampling)).T
    inside = ((v >= low - 1e-6) & (v <= high + 1e-6) | (period > 0)).all(1)
    way = np.asarray(point(manifold, world.n, recording.knobs.offset, jnp.asarray(v, jnp.float32)), float)
    x = data.x[which].astype(float)
    along = np.linalg.norm(way[0] - x) + np.concatenate([[0], np.linalg.norm(np.diff(way, axis=0), axis=1).cumsum()])
    length = np.linspace(0, most, SAMPLES)
    if speed < 1e-12:
        return np.where(length[:, None] == 0, x, np.nan), length
    ends = along[inside].max(initial=0)
    columns = [np.interp(length, along, column) for column in way.T]
    points = np.where((length <= ends)[:, None], np.stack(columns, 1), np.nan)
    points[0] = x
    return points, length


def _section(
    recording: Recording, view: View, which: int, height: float, deltas: dict[str, np.ndarray]
) -> Section:
    world, data = recording.world, recording.data
    u, x = jnp.asarray(data.u[which][None]), data.x[which]
    basis = _basis(recording, view, which)
    half = SIDE * world.geometry.extent
    height = height or half
    window = Window("slice", world, (-half, -height), (half, height), ("along", "off"), height, "", jnp.asarray(x),
                    jnp.asarray(basis, jnp.float32), net=recording.net)
    spread = np.asarray(jacobian(world.geometry, world.n, u))[0]
    d = np.linalg.lstsq(spread, basis[0], rcond=None)[0]
    v = data.u[which] + np.linspace(-half, half, CURVE)[:, None] * d
    low, high = np.array(domain(world.geometry, world.sampling)).T
    v = v[((v >= low) & (v <= high) | (np.array(world.geometry.period) > 0)).all(1)]
    curve = np.asarray(point(world.geometry, world.n, recording.knobs.offset, jnp.asarray(v, jnp.float32)))
    arrows = {kind: basis @ delta for kind, delta in deltas.items()}
    inside = {kind: _share(arrows[kind], delta) for kind, delta in deltas.items()}
    return Section(window, (curve - x) @ basis.T, arrows, inside)


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part @ part / (whole @ whole)) if whole @ whole > 0 else float("nan")


def _basis(recording: Recording, view: View, which: int) -> Float[np.ndarray, "2 n"]:
    """tau and v as orthonormal rows."""
    world, u = recording.world, jnp.asarray(recording.data.u[which][None])
    columns = np.asarray(tangent(world.geometry, world.n, u))[0]
    tau = _downhill(recording, windows.reference_step(recording, view), which, "on")
    size = float(np.linalg.norm(tau))
    tau = tau / size if size > 1e-9 else columns[:, 0]
    tau = tau * (np.sign(tau[np.abs(tau).argmax()]) or 1)
    chart = windows.normal_chart(recording, view)
    if chart is not None:
        v = np.asarray(frame(chart, jnp.pad(u, ((0, 0), (0, 1))))[1])[0]
    else:  # no normal direction: a plane inside M
        v = columns @ np.array([-(columns[:, 1] @ tau), columns[:, 0] @ tau])
    return np.stack([tau, v])


__all__ = ["Line", "Section", "look"]
