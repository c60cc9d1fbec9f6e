"""The boundary in a window: the zero set of a logit as a triangle mesh (3-D) or as curves (2-D).

Topology comes from samples on a regular grid, position from a bracketed root find along each vertex's own grid
edge, so a vertex lies on the net's zero set and not on an interpolation of it.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import Any

import contourpy
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import maximum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import marching_cubes

from toy.errors import FieldError
from toy.roots import refine

Field = Callable[[Any], Any]  # (m, d) -> (m,)

BLOCKS = (8192, 1024)  # points a call: fixed sizes stay compiled, and larger ones spill the cache
TOLERANCE = 0.01  # residual along a grid edge at which refinement stops; share of the edge
NEAR = 0.25  # a node is looked at when |f| there seems below this share of f's change across a coarse cell near it


@dataclass(frozen=True, eq=False)
class _Shape:
    vertices: Float[np.ndarray, "v d"]
    cells: Int[np.ndarray, "c d"]
    field: Field = dataclasses.field(repr=False)
    spacing: Float[np.ndarray, " d"]
    nodes: Float[np.ndarray, "v d"] = dataclasses.field(repr=False)

    @cached_property
    def residual(self) -> Float[np.ndarray, " v"]:
        """|f| / |grad f| left at each vertex, (V,); length. Found when first read: 4 evaluations a vertex."""
        return _residual(self.field, self.spacing, self.vertices)


class Mesh(_Shape):
    """Triangles of the boundary in a 3-D window; all empty when it holds none.

    vertices: (V, 3) display coordinates. faces: (F, 3) vertex numbers, their normals pointing to f > 0.
    residual: (V,). field, spacing: what it was made from, and the grid's cell (3,). nodes: (V, 3) where each vertex
    was before refinement, in cells from the window's low corner: strictly inside its grid edge.
    """

    @property
    def faces(self) -> Int[np.ndarray, "f 3"]:
        """Vertex numbers of each triangle, (F, 3) int32."""
        return self.cells


class Curves(_Shape):
    """Segments of the boundary in a 2-D window; all empty when it holds none.

    vertices: (V, 2) display coordinates. segments: (S, 2) vertex numbers. residual, field, spacing, nodes: as in Mesh.
    """

    @property
    def segments(self) -> Int[np.ndarray, "s 2"]:
        """Vertex numbers of each segment, (S, 2) int32."""
        return self.cells


@dataclass(frozen=True)
class Topology:
    """parts: connected pieces. euler: V - E + F. resolved: a grid 1.5 times as fine finds the same two numbers."""

    parts: int
    euler: int
    resolved: bool


def extract(field: Field, low: Any, high: Any, resolution: int, dense: bool = False) -> Mesh | Curves:
    """The zero set of the field in the box low .. high.

    Args:
        field: logits (m,) of points (m, d), numpy or JAX; called with 8192 or 1024 points. Where it is not
            finite there is no boundary.
        low, high: corners of the window, (d,), d = 2 or 3; length.
        resolution: samples a side, 24 .. 128.
        dense: sample every node instead of only those near the boundary (3-D; for checks).

    Returns:
        Mesh when d = 3, Curves when d = 2.

    Raises:
        FieldError: resolution or window out of range.

    Source: Lewiner et al., J. Graphics Tools 8 (2003) 1-15; Anderson and Bjorck (1973) for the refinement.
    """
    box = _box(low, high)
    _check_resolution(resolution)
    values = _sample(field, box, resolution, dense)
    nodes, cells = _connect(values)
    vertices = _refined(field, box, values, nodes)
    bad = ~np.isfinite(vertices).all(1)
    if bad.any():
        both, cells = _without(bad, np.hstack([vertices, nodes]), cells)
        vertices, nodes = np.hsplit(both, 2)
    kind = Mesh if box.shape[1] == 3 else Curves
    return kind(vertices, cells, field, (box[1] - box[0]) / (resolution - 1), nodes)


def topology(field: Field, low: Any, high: Any, resolution: int) -> Topology:
    """Parts and Euler characteristic of the boundary at this resolution, and whether a finer grid agrees.

    Arguments and errors as for `extract`; nothing is refined, because refinement does not change what is connected.
    """
    box = _box(low, high)
    _check_resolution(resolution)
    found = [_connect(_sample(field, box, n, False)) for n in (resolution, round(1.5 * resolution))]
    numbers = [(_parts(len(nodes), cells), _euler(len(nodes), cells)) for nodes, cells in found]
    return Topology(*numbers[0], resolved=numbers[0] == numbers[1])


def area(mesh: Mesh) -> float:
    """Sum of the triangles' areas, |(b - a) x (c - a)| / 2 each; length^2."""
    a, b, c = mesh.vertices[mesh.faces].swapaxes(0, 1)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def volume(mesh: Mesh) -> float:
    """Volume enclosed by a closed mesh, |sum a . (b x c)| / 6; length^3.

    Raises:
        ValueError: the mesh has an open rim (it meets the window's wall).
    """
    if len(mesh.faces) and (np.unique(_edges(mesh.faces), axis=0, return_counts=True)[1] != 2).any():
        raise ValueError("mesh must be closed, got one with an open rim")
    a, b, c = mesh.vertices[mesh.faces].swapaxes(0, 1)
    return float(abs(np.einsum("fi,fi->", a, np.cross(b, c))) / 6)


def length(curves: Curves) -> float:
    """Sum of the segments' lengths."""
    a, b = curves.vertices[curves.segments].swapaxes(0, 1)
    return float(np.linalg.norm(b - a, axis=1).sum())


def parts(shape: Mesh | Curves) -> int:
    """Number of connected pieces."""
    return _parts(len(shape.vertices), shape.cells)


def euler(shape: Mesh | Curves) -> int:
    """Euler characteristic V - E + F: 2 for a sphere, 0 for a torus or a ring, 1 for a disc or an open curve."""
    return _euler(len(shape.vertices), shape.cells)


def _edges(cells: np.ndarray) -> np.ndarray:
    """All sides (s, 2) of segments or triangles, smaller vertex number first; shared ones as often as shared."""
    pairs = [(0, 1)] if cells.shape[1] == 2 else [(0, 1), (1, 2), (2, 0)]
    return np.sort(np.concatenate([cells[:, pair] for pair in pairs]), axis=1)


def _parts(count: int, cells: np.ndarray) -> int:
    a, b = _edges(cells).T
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    return int(connected_components(graph, directed=False)[0]) if count else 0


def _euler(count: int, cells: np.ndarray) -> int:
    a, b = _edges(cells).astype(np.int64).T
    return count - len(np.unique(a * count + b)) + (len(cells) if cells.shape[1] == 3 else 0)


def _check_resolution(resolution: Any) -> None:
    if not isinstance(resolution, int | np.integer) or not 24 <= resolution <= 128:
        raise FieldError("resolution", "a whole number between 24 and 128", resolution)


def _box(low: Any, high: Any) -> Float[np.ndarray, "2 d"]:
    try:
        box = np.array([low, high], float)
    except (TypeError, ValueError):  # ragged, or no numbers
        box = np.zeros(0)
    if box.ndim != 2 or box.shape[1] not in (2, 3) or not np.isfinite(box).all() or not (box[0] < box[1]).all():
        raise FieldError("window", "two corners low < high in 2 or 3 dimensions", f"{low} .. {high}")
    return box


def _points(box: np.ndarray, resolution: int, nodes: np.ndarray) -> Float[np.ndarray, "m d"]:
    return box[0] + nodes * ((box[1] - box[0]) / (resolution - 1))


def _values(field: Field, points: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
    """The field in fixed-size calls, all dispatched before the first is waited for."""
    large, small = BLOCKS
    calls, start = [], 0
    while start < len(points):
        size = large if len(points) - start > large // 2 else small
        part = points[start : start + size]
        missing = size - len(part)
        calls.append(field(np.pad(part, ((0, missing), (0, 0)), mode="edge") if missing else part))
        start += size
    return np.concatenate([np.asarray(call, float) for call in calls])[: len(points)] if calls else np.zeros(0)


# ---- sampling: where the sign changes, every node is evaluated; elsewhere only the sign matters


def _sample(field: Field, box: np.ndarray, resolution: int, dense: bool) -> Float[np.ndarray, "..."]:
    """Values (resolution,) * d on the grid, exact at the ends of every edge with a sign change."""
    d = box.shape[1]

    def at(nodes: np.ndarray) -> np.ndarray:
        return _values(field, _points(box, resolution, np.minimum(nodes, resolution - 1)))

    if dense or d == 2:
        return at(np.indices((resolution,) * d).reshape(d, -1).T).reshape((resolution,) * d)
    side = resolution // 2 + 1  # coarse nodes 0, 2, 4, ...; the last of an even grid is clamped to the wall
    coarse = at(2 * np.indices((side,) * 3).reshape(3, -1).T).reshape((side,) * 3)
    with np.errstate(invalid="ignore"):
        values = _doubled(coarse)
        wanted = _near(coarse, values)
    known = np.zeros(values.shape, bool)
    known[(slice(None, None, 2),) * 3] = True
    while True:
        positive = values >= 0
        # Cells with a sign change need their true corners, which may show that their neighbours have one too.
        wanted |= _spread(_pool(positive, np.logical_or) & _pool(~positive, np.logical_or), np.logical_or)
        wanted &= ~known
        if not wanted.any():
            return values[(slice(resolution),) * 3]
        values[wanted] = at(np.argwhere(wanted))
        known |= wanted


def _near(coarse: np.ndarray, values: np.ndarray) -> Bool[np.ndarray, "f f f"]:
    """Fine nodes at which f may have another sign than interpolation says, or may not be finite."""
    change = np.nan_to_num(sum(_swing(coarse, axis) for axis in range(3)), nan=np.inf)
    change = maximum_filter(change, 3)  # a dip in the middle of a cell leaves its own corners equal
    return ~(np.abs(values) > NEAR * _spread(change, np.maximum, 2))


def _swing(coarse: np.ndarray, axis: int) -> np.ndarray:
    """Largest change of f along one axis over the four sides of each cell."""
    change = np.abs(np.diff(coarse, axis=axis))
    for other in {0, 1, 2} - {axis}:
        change = np.maximum(_along(change, other, slice(None, -1)), _along(change, other, slice(1, None)))
    return change


def _along(a: np.ndarray, axis: int, part: slice) -> np.ndarray:
    return a[(slice(None),) * axis + (part,)]


def _pool(a: np.ndarray, op: Callable) -> np.ndarray:
    """`op` over the corners of each cell."""
    for axis in range(a.ndim):
        a = op(_along(a, axis, slice(None, -1)), _along(a, axis, slice(1, None)))
    return a


def _spread(cells: np.ndarray, op: Callable, stride: int = 1) -> np.ndarray:
    """`op` over the cells (values >= 0) that a node is in or on; nodes `stride` to a cell's side."""
    for axis in range(cells.ndim):
        shape = list(cells.shape)
        shape[axis] = stride * shape[axis] + 1
        nodes = np.zeros(shape, cells.dtype)
        for start in range(stride + 1):
            part = _along(nodes, axis, slice(start, shape[axis] - stride + start, stride))
            op(part, cells, out=part)
        cells = nodes
    return cells


def _doubled(coarse: np.ndarray) -> np.ndarray:
    """Trilinear interpolation to half the spacing: keeps the sign in cells whose corners agree."""
    for axis in range(3):
        shape = list(coarse.shape)
        shape[axis] = 2 * shape[axis] - 1
        fine = np.empty(shape)
        _along(fine, axis, slice(0, None, 2))[...] = coarse
        ends = _along(coarse, axis, slice(None, -1)) + _along(coarse, axis, slice(1, None))
        _along(fine, axis, slice(1, None, 2))[...] = ends / 2
        coarse = fine
    return coarse


# ---- connectivity from the samples, in index coordinates


def _connect(values: np.ndarray) -> tuple[Float[np.ndarray, "v d"], Int[np.ndarray, "c s"]]:
    """Vertices in index coordinates and the triangles or segments between them."""
    finite = np.isfinite(values)
    d = values.ndim
    empty = np.zeros((0, d)), np.zeros((0, d), np.int32)
    if not ((values < 0) & finite).any() or not ((values >= 0) & finite).any():
        return empty
    some = (slice(None, None, 2),) * d  # a median of so many takes as long as all that follows
    with np.errstate(over="ignore"):
        usual = np.median(np.abs(values[some][finite[some]])) if finite[some].any() else 0.0
        size = np.abs(np.where(finite, values, 1.0)) / (usual or 1.0)
    # marching_cubes leaves holes at samples equal to the level and rounds crossings close to a node on to it: keep
    # off zero and narrow the range. Square roots do not change its face tests, which compare products.
    shown = np.where(values < 0, -1.0, 1.0) * np.clip(np.sqrt(size), 1e-2, 1e2)
    if d == 2:
        return _lines(np.ma.masked_array(shown, ~finite))
    vertices, faces, _, _ = marching_cubes(shown.astype(np.float32), 0.0)
    vertices = vertices.astype(float)
    if not finite.all():
        low, high = np.floor(vertices).astype(int), np.ceil(vertices).astype(int)
        spoilt = np.zeros(len(vertices), bool)
        for pick in product((0, 1), repeat=3):
            spoilt |= ~finite[tuple(np.where(pick, high, low).T)]
        vertices, faces = _without(spoilt, vertices, faces)
    return vertices, faces.astype(np.int32)


def _lines(shown: np.ma.MaskedArray) -> tuple[np.ndarray, np.ndarray]:
    generator = contourpy.contour_generator(
        z=shown, name="serial", corner_mask=False, line_type=contourpy.LineType.ChunkCombinedOffset
    )
    lines: Any = generator.lines(0.0)
    (points,), (offsets,) = lines
    if points is None:
        return np.zeros((0, 2)), np.zeros((0, 2), np.int32)
    first, last = offsets[:-1].astype(int), offsets[1:].astype(int) - 1
    number = np.arange(len(points))
    closed = (points[first] == points[last]).all(1)
    number[last[closed]] = first[closed]  # a closed line repeats its first point
    inside = np.setdiff1d(np.arange(len(points)), last)
    segments = np.stack([number[inside], number[inside + 1]], axis=1)
    whole = np.round(points)  # on its grid line up to rounding errors
    points = np.where(np.abs(points - whole) < 1e-9, whole, points)
    return _without(np.zeros(len(points), bool), points[:, ::-1], segments)


def _without(bad: np.ndarray, vertices: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop bad vertices with their cells, and vertices that no cell uses."""
    cells = cells[~bad[cells].any(1)]
    used = np.zeros(len(vertices), bool)
    used[cells] = True
    return vertices[used], (np.cumsum(used) - 1)[cells].astype(np.int32)


# ---- position: each vertex is moved along its grid edge on to the zero set


def _refined(field: Field, box: np.ndarray, values: np.ndarray, nodes: np.ndarray) -> Float[np.ndarray, "v d"]:
    """Window coordinates of the vertices, on f = 0; nan where the field is not finite on the way."""
    low, high = np.floor(nodes), np.ceil(nodes)
    a, b = low.copy(), high.copy()
    fa, fb = (values[tuple(end.astype(int).T)] for end in (low, high))
    evaluate = partial(_values, field)
    inner = np.flatnonzero((high > low).sum(1) > 1)
    if len(inner):
        a[inner], fa[inner] = nodes[inner], evaluate(_points(box, len(values), nodes[inner]))
        b[inner], fb[inner] = _partner(values, a[inner], fa[inner])
    a, b = (_points(box, len(values), end) for end in (a, b))
    return refine(evaluate, a, b, fa, fb, TOLERANCE, BLOCKS[-1])


def _partner(values: np.ndarray, nodes: np.ndarray, f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the corners with the other sign round a vertex inside a cell (Lewiner has a few), the one nearest to f = 0."""
    corners = np.stack([np.where(pick, np.ceil(nodes), np.floor(nodes)) for pick in product((0, 1), repeat=3)])
    there = values[tuple(corners.astype(int).transpose(2, 0, 1))]
    way = np.linalg.norm(corners - nodes, axis=2) * np.abs(f) / (np.abs(f) + np.abs(there) + 1e-300)
    best = np.argmin(np.where((there < 0) != (f < 0), way, np.inf), axis=0), np.arange(len(f))
    return corners[best], there[best]


def _residual(field: Field, spacing: np.ndarray, vertices: np.ndarray) -> Float[np.ndarray, " v"]:
    """|f| / |grad f|, slopes over 1 % of a cell: any callable will do, and no gradient has to be compiled."""
    steps = 0.01 * spacing
    points = np.concatenate([vertices] + [vertices + step for step in np.diag(steps)])
    f, *ahead = _values(field, points).reshape(1 + len(steps), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = (np.array(ahead) - f) / steps[:, None]
        return np.where(f == 0, 0.0, np.abs(f) / np.linalg.norm(slopes, axis=0))
