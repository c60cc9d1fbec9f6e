"""How a boundary mesh travels: as what marching cubes knew, a fifth of the bytes of vertex and triangle lists.

Each vertex lies on an edge of the sampling grid, each triangle in one cell. So a triangle is its cell and one of a
few hundred ways to join a cell's edges, and a vertex is its place along its edge; which edges are met, and so the
numbers of the vertices, follows from the triangles. assets/player-mesh.js reads the same.
"""

from typing import Any

import numpy as np

from app import wire
from toy.boundary import Mesh

PLACES = 63  # of a vertex along its grid edge: a sixth of a pixel at 48 samples on a large screen
INSIDE = 3  # in place of the axis of an edge: a vertex inside its cell, of which marching cubes makes a few


def folded(mesh: Mesh, low: np.ndarray, tone: np.ndarray | None = None) -> dict[str, Any]:
    """A mesh with triangles as {"mesh": ...}, which the player and `unfolded` turn into plotly's arrays.

    low: (3,) corner of the box it was extracted in. tone: (V,) colours 0 .. 255; None for colours by height.
    """
    base, axis, place = _edges(mesh, low)
    side = int(base.max()) + 2
    ends = base[mesh.faces.T]  # (3, F, 3): over a first axis numpy is several times faster than over a short last one
    cell = ends.min(0)
    corners = ((ends - cell) @ [4, 2, 1]) * 4 + axis[mesh.faces.T]
    turn = (np.arange(3)[:, None] + corners.argmin(0)) % 3  # rotated, never flipped: the orientation stays
    way = np.tensordot([1024, 32, 1], np.take_along_axis(corners, turn, 0), 1)
    cell, way = np.divmod(np.sort((cell @ [side * side, side, 1]) * 2**15 + way), 2**15)
    count = np.bincount(way, minlength=2**15)
    common = np.argsort(-count, kind="stable")[: np.count_nonzero(count)]
    rank = np.zeros(2**15, int)
    rank[common] = np.arange(len(common))
    sweep = np.argsort((base @ [side * side, side, 1]) * 4 + axis)
    moving = (axis[:, None] == np.arange(3)) | (axis[:, None] == INSIDE)
    return {"mesh": {
        "low": low.tolist(), "step": mesh.spacing.tolist(), "side": side, "places": PLACES,
        "ways": common.tolist(), "cell": text(np.diff(cell, prepend=0)), "way": text(rank[way]),
        "place": text(place[sweep][moving[sweep]]),
        "tone": None if tone is None else wire.pack(np.clip(np.round(tone), 0, 255).astype(np.uint8)[sweep]),
    }}


def _edges(mesh: Mesh, low: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each vertex: the lower end (V, 3) of its grid edge, the edge's axis (V,), its place 0 .. PLACES (V, 3)."""
    base = np.floor(mesh.nodes)
    between = mesh.nodes > base
    axis = np.where(between.sum(1) == 1, between.argmax(1), INSIDE)
    place = np.round(((mesh.vertices - low) / mesh.spacing - base) * PLACES)
    return base.astype(int), axis, np.clip(place, 0, PLACES).astype(int)


def unfolded(mesh: dict[str, Any]) -> dict[str, Any]:
    """x, y, z, i, j, k and intensity of what `folded` packed."""
    side, ways = mesh["side"], np.array(mesh["ways"])[numbers(mesh["way"])]
    corners = ways[:, None] // [1024, 32, 1] % 32
    steps = (corners[..., None] >> [4, 3, 2] & 1) @ [side * side, side, 1]
    keys, faces = np.unique(4 * (np.cumsum(numbers(mesh["cell"]))[:, None] + steps) + corners % 4, return_inverse=True)
    node, axis = keys // 4, keys % 4
    vertices = np.stack([node // side**2, node // side % side, node % side], 1).astype(float)
    moving = (axis[:, None] == np.arange(3)) | (axis[:, None] == INSIDE)
    vertices[moving] += numbers(mesh["place"]) / mesh["places"]
    vertices = (mesh["low"] + vertices * mesh["step"]).astype(np.float32)
    out = dict(zip("xyzijk", (*vertices.T, *faces.reshape(-1, 3).T)))
    return {**out, "intensity": out["z"] if mesh["tone"] is None else mesh["tone"]}


def whole(value: Any) -> Any:
    """A scene or frame with every folded mesh unfolded, as plotly.py wants it."""
    if isinstance(value, dict):
        mesh = unfolded(value["mesh"]) if "mesh" in value else {}
        return {**{name: whole(item) for name, item in value.items() if name != "mesh"}, **mesh}
    return [whole(item) for item in value] if isinstance(value, list) else value


# Numbers as letters: JSON keeps them as they are, and gzip sees one symbol a number where base64 would blur them.
# The 91 letters from # to ~ without \: 64 that end a number, and 27 for the lower digits of a larger one.


def text(values: np.ndarray) -> str:
    """Whole numbers >= 0 as letters, mostly one each."""
    rest, letters = np.asarray(values, np.int64), []
    live = np.ones(len(rest), bool)
    while live.any():
        more = rest >= 64
        letters.append(np.where(live, np.where(more, 64 + rest % 27, rest), -1))
        rest, live = rest // 27, live & more
    found = np.stack(letters, 1) if letters else np.zeros((0, 1), int)
    found = found[found >= 0] + 35
    return (found + (found >= 92)).astype(np.uint8).tobytes().decode()


def numbers(letters: str) -> np.ndarray:
    """The numbers of `text`."""
    code = np.frombuffer(letters.encode(), np.uint8).astype(np.int64) - 35
    code -= code > 92 - 35
    ends = np.flatnonzero(code < 64)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(int)
    digit = np.arange(len(code)) - np.repeat(starts, ends - starts + 1)
    worth = np.where(code < 64, code, code - 64) * 27**digit
    return np.add.reduceat(worth, starts) if len(code) else worth
