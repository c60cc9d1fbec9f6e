"""Points that a person has placed: the text that carries them in a world and its link, and CSV files of them.

The text is u_class~u_class~... for one parameter and u1_u2_class~... for two, class a (+1) or b (-1): characters that
a link need not escape.
"""

import csv
import io
import math
import re
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Float

from toy.errors import FieldError
from toy.manifolds import Manifold, point

FEWEST, MOST = 2, 150
ROW = r"([-+]?[0-9]*\.?[0-9]+(e[-+]?[0-9]+)?_){1,2}[ab]"  # a point of the text
OFF = 0.01  # of the manifold's extent: how far off it an imported point may lie
SIGNS = {"a": 1.0, "1": 1.0, "+1": 1.0, "1.0": 1.0, "b": -1.0, "-1": -1.0, "-1.0": -1.0, "0": -1.0}


def parse(text: str, manifold: Manifold) -> tuple[Float[np.ndarray, "N k"], Float[np.ndarray, " N"]]:
    """Parameters (N, k) and labels (N,) of +-1; FieldError naming `points` and the first that is wrong."""
    rows = [row.split("_") for row in text.split("~")] if text else []
    if not FEWEST <= len(rows) <= MOST:
        raise FieldError("points", f"{FEWEST} to {MOST} points", len(rows), "place them on the board")
    u, y = [], []
    for number, row in enumerate(rows, 1):
        try:
            values = [float(value) for value in row[:-1]]
        except ValueError:
            values = []
        if len(values) != manifold.k or row[-1] not in ("a", "b"):
            raise FieldError("points", f"{manifold.k} parameters and a class a or b a point", "_".join(row),
                             f"point {number}")
        for value, (low, high) in zip(values, manifold.domain):
            if not low <= value <= high:
                raise FieldError("points", f"between {low:.4g} and {high:.4g}", value, f"point {number}")
        u.append(values)
        y.append(SIGNS[row[-1]])
    seen: dict[tuple[float, ...], int] = {}
    for number, values in enumerate(u, 1):
        first = seen.setdefault(_place(values, manifold), number)
        if first < number:
            raise FieldError("points", "in different places", "_".join(rows[number - 1]),
                             f"points {first} and {number}")
    return np.array(u, np.float32), np.array(y, np.float32)


def _place(u: list[float], manifold: Manifold) -> tuple[float, ...]:
    """Parameters by which a place is known: the end of a period, as the text rounds it, is its beginning."""
    return tuple(low if period and value >= low + period - 5e-4 * high else value
                 for value, (low, high), period in zip(u, manifold.domain, manifold.period))


def check(text: str) -> None:
    """FieldError naming `points` where the text is that of points on no manifold."""
    if not re.fullmatch(rf"{ROW}(~{ROW})*", text):
        raise FieldError("points", "numbers and a class a or b a point, as the board writes them", text)


def text(u: Float[np.ndarray, "N k"], y: Float[np.ndarray, " N"]) -> str:
    """The text of points, parameters to four digits."""
    return "~".join("_".join([*(f"{value:.4g}" for value in row), "a" if sign > 0 else "b"])
                    for row, sign in zip(np.asarray(u, float), y))


def read_csv(content: str, manifold: Manifold, n: int, offset: float) -> str:
    """Points of a CSV file as text: k parameters or n ambient coordinates a row, then the label.

    A header line, empty lines and lines that begin with # are passed over. Labels: a, 1, +1 or b, -1, 0. Ambient
    points are brought to their nearest parameters. Raises FieldError naming `file` and the line, or `points` where
    they are too few or too many.
    """
    try:
        kept = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(content, newline="")), 1)
                if any(cell.strip() for cell in row) and not row[0].startswith("#")]
    except csv.Error as error:
        raise FieldError("file", "lines of cells with commas between them", str(error)) from None
    if kept and not any(_float(cell) is not None for cell in kept[0][1][:-1]):
        kept = kept[1:]
    if len(kept) > MOST:  # said before each is brought to the manifold, which takes time
        raise FieldError("points", f"{FEWEST} to {MOST} points", len(kept))
    u, y = [], []
    for number, row in kept:
        cells = [cell.strip() for cell in row]
        numbers = [value for value in map(_float, cells[:-1]) if value is not None and math.isfinite(value)]
        wrong = len(numbers) != len(cells) - 1 or len(numbers) not in (manifold.k, n)
        if wrong or cells[-1].lower() not in SIGNS:
            raise FieldError("file", f"{manifold.k} parameters or {n} coordinates and a label a line", ",".join(row),
                             f"line {number}")
        values = np.array(numbers)
        u.append(values if len(values) == manifold.k else _parameters(values, manifold, offset, number))
        y.append(SIGNS[cells[-1].lower()])
    found = text(np.array(u), np.array(y)) if u else ""
    parse(found, manifold)
    return found


def _float(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _parameters(x: np.ndarray, manifold: Manifold, offset: float, line: int) -> np.ndarray:
    """The parameters of the point of M nearest to x."""
    def place(u: Any) -> np.ndarray:
        return np.asarray(point(manifold, len(x), offset, jnp.asarray(np.atleast_2d(u), jnp.float32)), float)

    low, high = np.array(manifold.domain).T
    axes = [np.linspace(a, b, 65) for a, b in zip(low, high)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, manifold.k)
    start = grid[np.linalg.norm(place(grid) - x, axis=1).argmin()]
    # Steps of a hundredth of the box: float32 resolves no smaller ones.
    best = scipy.optimize.least_squares(lambda u: place(u)[0] - x, np.clip(start, low + 1e-6, high - 1e-6),
                                        bounds=(low, high), diff_step=1e-3, xtol=1e-6)
    off = float(np.linalg.norm(best.fun))
    if off > OFF * manifold.extent:
        raise FieldError("file", f"points within {OFF * manifold.extent:.2g} of the manifold", f"{off:.3g} off it",
                         f"line {line}")
    return best.x


__all__ = ["check", "parse", "read_csv", "text"]
