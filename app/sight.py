"""What one picture shows, computed: boundary, points, arrows and what hides behind what, in display coordinates."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from toy import attacks, boundary
from toy.errors import FieldError, one_of
from toy.heights import heights
from toy.labels import domain
from toy.manifolds import point
from toy.recording import Recording
from toy.windows import Window, normal_chart, split
from toy.world import View, World

LOOKS: dict[str, tuple[str, ...]] = {
    "colour": ("height", "gradient", "plain"),
    "cut": ("0", "1"),
    "arrows": ("free", "parts", "split", "none"),
    "vertical": ("fitted", "true"),
}
DRAFT = 24  # samples a side of a picture on the way to a finer one: half the time at 48
DRAFT_ARROWS = 100  # and its arrows: those of a thousand points take most of a second
BLOCK = boundary.BLOCKS[0]  # points in one call of the field: nothing more is compiled
PLANE = 96  # samples a side of a 2-D picture's logit field
LONGEST_STALK = 0.45  # of the picture's height
LINES = 9  # of the manifold's grid, each way


@dataclass(frozen=True)
class Look:
    """How a picture is drawn; nothing here changes the simulation. FieldError for a value that LOOKS lacks."""

    colour: str = "height"
    cut: str = "0"
    arrows: str = "free"
    vertical: str = "fitted"

    def __post_init__(self) -> None:
        for name, allowed in LOOKS.items():
            if getattr(self, name) not in allowed:
                raise FieldError(name, one_of(allowed), getattr(self, name))


@dataclass(frozen=True)
class Sight:
    """One step seen through a window; all positions (m, d) in display coordinates.

    surface: Mesh (d = 3) or Curves (d = 2). seen: the window holds some boundary, drawn or cut away. tone: its
    vertices' slope for the colour scale, 0 .. 255, empty unless `gradient`; for d = 2 the field on a PLANE x PLANE
    grid. wrong: (N,) points on the wrong side. tails, heads: arrows to the nearest boundary point, one a point, NaN
    where there is none, empty for `none`. For `parts` they are that arrow's part off the manifold, and on_* its part
    along it, from there to the boundary; for `split` they are the shortest ones off the manifold, and on_* the
    shortest inside it.
    tops: (N, 3) where the boundary hides a point from above, NaN elsewhere. hidden: number of arrows that are longer
    than the way to the window's wall, so that a nearer boundary may lie outside. heads, on_heads and hidden may still
    be computed while the surface is packed: they are waited for when numpy reads them.
    """

    step: int
    surface: Any
    seen: bool
    tone: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    wrong: np.ndarray
    tails: np.ndarray
    heads: Array | np.ndarray
    on_tails: np.ndarray
    on_heads: Array | np.ndarray
    tops: np.ndarray
    hidden: Array | int


def values(field: Any, z: np.ndarray) -> np.ndarray:
    """The field at any number of points (m, d), in blocks of one size."""
    z = np.asarray(z, np.float32)
    if not len(z):
        return np.zeros(0, np.float32)
    padded = np.concatenate([z, np.repeat(z[-1:], -len(z) % BLOCK, axis=0)])
    parts = [np.asarray(field(jnp.asarray(padded[i : i + BLOCK]))) for i in range(0, len(padded), BLOCK)]
    return np.concatenate(parts)[: len(z)]


def slope(field: Any, z: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """|grad f| at points z by central differences of a thousandth of the box, logits per display length."""
    total = np.zeros(len(z))
    for axis in range(len(low)):
        step = np.zeros(len(low))
        step[axis] = (high[axis] - low[axis]) * 1e-3
        total += ((values(field, z + step) - values(field, z - step)) / (2 * step[axis])) ** 2
    return np.sqrt(total)


def box(window: Window, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """The box whose boundary is drawn: the window's, or its rear half when cut away."""
    low, high = np.array(window.low, float), np.array(window.high, float)
    if look.cut == "1" and window.dim == 3:
        low[1] = (low[1] + high[1]) / 2 + 1e-3 * (high[1] - low[1])
    return low, high


def see(
    recording: Recording, window: Window, view: View, step: int, look: Look, pause: Callable[[], None] = lambda: None,
    most_arrows: int | None = None,
) -> Sight:
    """Everything the picture of one step needs; FieldError for a step outside the recording.

    pause: called now and then, a few milliseconds apart; it may wait while others need the processor. most_arrows: so
    many points, evenly spread, have their arrows; None: all have.
    """
    step = recording.check_step(step)
    params, data = recording.params(step), recording.data
    logits, signed = window.field(params), _margins(recording, params)

    def field(z: Any) -> Any:
        pause()
        return logits(z)

    points = window.display(data.u, data.x)
    low, high = box(window, look)
    # Arrows and what is said of them are those of the whole window, however much of its boundary is drawn.
    whole = surface = boundary.extract(field, window.low, window.high, resolution(window, view))
    if tuple(low) != tuple(window.low):
        pause()
        surface = boundary.extract(field, tuple(low), tuple(high), resolution(window, view))
    pause()
    shown = spread(len(points), most_arrows)
    hidden: Array | int = 0
    heads: Array | np.ndarray
    on_heads: Array | np.ndarray
    tails = heads = on_tails = on_heads = np.zeros((0, window.dim))
    if look.arrows == "split":
        tails, heads = off_arrows(recording, window, view, params, shown)
        on_tails, on_heads = on_arrows(recording, window, step, shown)
    elif look.arrows != "none":
        tails, found = points[shown], attacks.within_window(window, params, whole, points[shown])
        heads, hidden = found.foot, found.hidden.sum() * bool(len(whole.vertices))
        if look.arrows == "parts":
            on_tails, on_heads = corners(recording, window, shown, tails, np.asarray(heads)), heads
            heads = on_tails
    if len(shown) < len(points):
        nowhere = np.full(points.shape, np.nan)
        tails, on_tails = _of_all(points, shown, tails), _of_all(points, shown, on_tails)
        heads, on_heads = _of_all(nowhere, shown, heads), _of_all(nowhere, shown, on_heads)
    pause()
    return Sight(
        step, surface, len(whole.vertices) > 0, tone(field, window, surface, look), points, data.y, signed <= 0,
        tails, heads, on_tails, on_heads, tops(surface, low, np.subtract(window.high, window.low), points), hidden,
    )


def resolution(window: Window, view: View) -> int:
    """Samples a side: a curve in the plane is cheap enough for the finest."""
    return view.resolution if window.dim == 3 else 128


def draft(window: Window, view: View) -> View | None:
    """The view of a picture that comes before the full one; None where it would be no coarser."""
    return view.replace(resolution=DRAFT) if view.resolution > DRAFT and window.dim == 3 else None


def _margins(recording: Recording, params: Any) -> np.ndarray:
    return np.asarray(recording.logit(params, jnp.asarray(recording.data.x))) * recording.data.y


def spread(count: int, most: int | None = None) -> np.ndarray:
    """Indices of `count` points: all, or `most` evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most or count)).round().astype(int))


def _of_all(others: np.ndarray, shown: np.ndarray, part: Array | np.ndarray) -> np.ndarray:
    """The rows of the points shown among those of the others; none stay none."""
    if not len(part):
        return np.asarray(part)
    out = np.array(others, float)
    out[shown] = part
    return out


def tone(field: Any, window: Window, surface: Any, look: Look) -> np.ndarray:
    """What colours the picture, scaled to 0 .. 255."""
    low, high = np.array(window.low), np.array(window.high)
    if window.dim == 2:
        return _plane(field, low, high, look)
    if look.colour != "gradient" or not len(surface.vertices):
        return np.zeros(0)
    steep = slope(field, surface.vertices, low, high)
    return steep / max(float(np.quantile(steep, 0.98)), 1e-12) * 255


def _plane(field: Any, low: np.ndarray, high: np.ndarray, look: Look) -> np.ndarray:
    """The logit (or its slope) over a 2-D window, 0 .. 255, rows along the second axis."""
    axes = [np.linspace(low[a], high[a], PLANE) for a in (0, 1)]
    grid = np.stack(np.meshgrid(*axes, indexing="xy"), -1).reshape(-1, 2)
    if look.colour == "plain":
        return np.full((PLANE, PLANE), 127.5)
    if look.colour == "gradient":
        steep = slope(field, grid, low, high)
        return (steep / max(float(np.quantile(steep, 0.98)), 1e-12) * 255).reshape(PLANE, PLANE)
    logits = values(field, grid)
    scale = max(float(np.quantile(np.abs(logits), 0.9)), 1e-12)
    return ((1 - np.tanh(logits / scale)) * 127.5).reshape(PLANE, PLANE)


def off_arrows(
    recording: Recording, window: Window, view: View, params: Any, shown: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Straight off the manifold: along the direction in which heights are measured; NaN where there is none."""
    u = recording.data.u[shown]
    tails = window.display(u, recording.data.x[shown])
    if window.kind == "ambient":
        chart = normal_chart(recording, view)
        if chart is None:
            return tails, np.full(tails.shape, np.nan)
        h = heights(chart, params, u).nearest
        z = np.concatenate([u, h[:, None]], axis=1)
        return tails, np.asarray(chart.to_ambient(np.nan_to_num(z))) + np.where(np.isnan(h), np.nan, 0.0)[:, None]
    heads = tails.copy()
    heads[:, -1] = heights(window, params, u).nearest
    return tails, heads


def corners(
    recording: Recording, window: Window, shown: np.ndarray, tails: np.ndarray, heads: np.ndarray
) -> np.ndarray:
    """Where an arrow's part off the manifold ends and its part along it begins: tail + normal part.

    In a chart (u, t) the parts are those of the coordinates, to first order on a curved manifold.
    """
    if window.kind != "ambient":
        return np.column_stack([tails[:, :-1] + 0 * heads[:, :-1], heads[:, -1]])
    u = jnp.asarray(recording.data.u[shown])
    return tails + np.asarray(split(recording.world, u, jnp.asarray(heads - tails, jnp.float32))[1])


def on_arrows(recording: Recording, window: Window, step: int, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """To the nearest boundary point inside the manifold."""
    data = recording.data
    found = attacks.minimal("on", recording, step)
    tails = window.display(data.u[shown], data.x[shown])
    if window.kind == "ambient":
        return tails, found.foot[shown]
    return tails, np.column_stack([found.boundary_u[shown], np.zeros(len(shown))])


def tops(surface: Any, low: np.ndarray, span: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where the boundary stands above a point and hides it: a little over that place, NaN where nothing does.

    surface: of a box with the corner `low`; span: (d,) sides of the window. A triangle of marching cubes lies in one
    cell of the grid, so each point looks at those of the column it is in.
    """
    out = np.full((len(points), 3), np.nan)
    if surface.vertices.shape[1] == 2 or not len(surface.vertices):
        return out

    def columns(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        steps = [np.floor((at - low[a]) / surface.spacing[a]) for a, at in enumerate((x, y))]
        return (1000 * steps[0] + steps[1]).astype(int)

    own = columns(*(at[surface.faces.T].mean(0) for at in surface.vertices.T[:2]))
    order = np.argsort(own)
    first, last = (np.searchsorted(own[order], columns(*points.T[:2]), side) for side in ("left", "right"))
    who = np.repeat(np.arange(len(points)), last - first)
    which = order[np.arange(len(who)) - np.repeat(np.cumsum(last - first) - last, last - first)]
    near = surface.vertices[surface.faces[which]]
    a, b, c = (near - points[who, None]).swapaxes(0, 1)
    share = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)])  # of each corner in the place above the point
    with np.errstate(divide="ignore", invalid="ignore"):
        share /= share.sum(0)
    over = (share >= -1e-9).all(0) & (np.einsum("ci,ic->i", share, near[..., 2]) > points[who, 2] + 0.004 * span[2])
    height = np.full(len(points), -np.inf)
    np.maximum.at(height, who[over], near[over, :, 2].max(1))
    # Far above it is another part of the world that is in the way: a stalk through it would explain nothing.
    hides = np.isfinite(height) & (height - points[:, 2] < LONGEST_STALK * span[2])
    top = np.minimum(height + 0.05 * span[2], low[2] + span[2])
    out[hides] = np.column_stack([points[:, :2], top])[hides]
    return out


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The upright part of a x b."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


@lru_cache(maxsize=16)
def _lines(world: World) -> np.ndarray:
    """Parameters (m, k) of the manifold's grid lines, NaN rows between them."""
    bounds, fine = np.array(domain(world.geometry, world.sampling)), 2 if world.geometry.flat else 65
    if world.k == 1:
        return np.linspace(bounds[0, 0], bounds[0, 1], 257)[:, None]
    parts = []
    for axis in (0, 1):
        along = np.linspace(bounds[axis, 0], bounds[axis, 1], fine)
        for value in np.linspace(bounds[1 - axis, 0], bounds[1 - axis, 1], LINES):
            row = np.empty((fine + 1, 2))
            row[:-1, axis], row[:-1, 1 - axis], row[-1] = along, value, np.nan
            parts.append(row)
    return np.concatenate(parts)


def manifold_lines(recording: Recording, window: Window) -> np.ndarray:
    """The manifold as lines in display coordinates (m, d), NaN rows between them."""
    u = _lines(recording.world)
    gaps = np.isnan(u[:, 0])
    filled = np.where(gaps[:, None], u[0], u).astype(np.float32)
    x = np.asarray(point(recording.world.geometry, recording.world.n, recording.knobs.offset, jnp.asarray(filled)))
    shown = np.array(window.display(filled, x), float)
    shown[gaps] = np.nan
    return shown
