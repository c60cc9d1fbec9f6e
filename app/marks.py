"""Arrows as geometry: one mesh for all of them in 3-D, one broken line in 2-D."""

import numpy as np

Array = np.ndarray

SIDES = 5
SHAFT, HEAD, TIP = 0.0045, 0.0135, 0.045  # radius, radius, length; in units of the drawn scene
RING = 2 * np.pi * np.arange(SIDES) / SIDES


def arrow_mesh(tails: Array, heads: Array, low: Array, high: Array, aspect: Array) -> Array:
    """Vertices (3 SIDES + 1 for each arrow) of arrows tails -> heads, (m, 3) in display coordinates.

    Built in the drawn scene, where lengths look alike along all axes, so heads keep their shape under any vertical
    exaggeration. An arrow without an end shrinks to its tail: the number of vertices never changes.
    """
    scale = aspect / (high - low)
    a = (tails - low) * scale
    b = np.where(np.isfinite(heads), (heads - low) * scale, a)
    along = b - a
    length = np.linalg.norm(along, axis=1, keepdims=True)
    unit = np.where(length > 1e-9, along / np.maximum(length, 1e-9), [0.0, 0.0, 1.0])
    helper = np.where(np.abs(unit[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(unit, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(unit, first)
    tip = np.minimum(TIP, 0.6 * length)
    size = tip / TIP
    ring = np.cos(RING)[None, :, None] * first[:, None] + np.sin(RING)[None, :, None] * second[:, None]
    neck = b - tip * unit
    thin = SHAFT * np.maximum(size, 0.35 * (length > 1e-9))
    parts = [a[:, None] + thin[:, None] * ring, neck[:, None] + thin[:, None] * ring,
             neck[:, None] + HEAD * size[:, None] * ring, b[:, None]]
    vertices = np.concatenate(parts, axis=1) / scale + low
    return vertices.reshape(-1, 3)


def arrow_faces(count: int) -> Array:
    """Faces (F, 3) that belong to `arrow_mesh` of so many arrows."""
    i = np.arange(SIDES)
    j = (i + 1) % SIDES
    shaft = np.concatenate([np.stack([i, j, i + SIDES], 1), np.stack([j, j + SIDES, i + SIDES], 1)])
    cone = np.stack([i + 2 * SIDES, j + 2 * SIDES, np.full(SIDES, 3 * SIDES)], 1)
    lid = np.stack([np.full(SIDES - 2, 0), i[2:], i[1:-1]], 1) + 2 * SIDES
    one = np.concatenate([shaft, cone, lid])
    return (one[None] + (3 * SIDES + 1) * np.arange(count)[:, None, None]).reshape(-1, 3)


def arrow_lines(tails: Array, heads: Array, low: Array, high: Array, aspect: Array) -> Array:
    """Points (6 for each arrow, the last NaN) of one broken line that draws 2-D arrows tails -> heads."""
    scale = aspect / (high - low)
    along = (heads - tails) * scale
    length = np.linalg.norm(along, axis=1, keepdims=True)
    unit = along / np.maximum(length, 1e-9)
    side = np.stack([-unit[:, 1], unit[:, 0]], 1)
    tip = np.minimum(0.018, 0.5 * length)
    barb = [heads - (tip * unit + sign * 0.45 * tip * side) / scale for sign in (1, -1)]
    out = np.stack([tails, heads, barb[0], heads, barb[1], np.full(tails.shape, np.nan)], axis=1)
    return out.reshape(-1, 2)


def segments(starts: Array, ends: Array) -> Array:
    """Points (3 m, d) of one broken line through m segments."""
    return np.stack([starts, ends, np.full(starts.shape, np.nan)], axis=1).reshape(-1, starts.shape[1])


def chain(vertices: Array, pairs: Array) -> Array:
    """The segments (S, 2) of a curve joined end to end into broken lines (m, d): far fewer points on the wire."""
    if not len(pairs):
        return np.zeros((0, vertices.shape[1] if vertices.ndim == 2 else 2))
    neighbours: dict[int, list[int]] = {}
    for a, b in pairs.tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    gap = np.full((1, vertices.shape[1]), np.nan)
    ends = [v for v, near in neighbours.items() if len(near) == 1]
    parts: list[np.ndarray] = []
    for start in (*ends, *neighbours):
        while neighbours.get(start):
            path = [start]
            while neighbours[path[-1]]:
                following = neighbours[path[-1]].pop()
                neighbours[following].remove(path[-1])
                path.append(following)
            parts += [vertices[path], gap]
    return np.concatenate(parts)
