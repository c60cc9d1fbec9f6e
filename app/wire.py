"""How numbers travel: rounded and packed so that gzip finds them short."""

import base64
import gzip
import json
from typing import Any

import numpy as np

LEVELS = 4096  # positions across the picture: a third of a pixel on a large screen
TYPES = {"float32": "f4", "uint8": "u1", "uint16": "u2", "uint32": "u4", "int32": "i4"}


def pack(array: np.ndarray) -> dict[str, Any]:
    """A one- or two-dimensional array as plotly's own base64 typed array."""
    array = np.ascontiguousarray(array)
    packed: dict[str, Any] = {"dtype": TYPES[str(array.dtype)], "bdata": base64.b64encode(array.tobytes()).decode()}
    if array.ndim == 2:
        packed["shape"] = ", ".join(map(str, array.shape))
    return packed


def rounded(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Positions rounded to 1 / LEVELS of the box low .. high: float32 whose low bits are mostly equal."""
    step = 2.0 ** np.ceil(np.log2((high - low) / LEVELS)) if high > low else 1.0
    return (np.round(values / step) * step).astype(np.float32)


def columns(points: np.ndarray, low: np.ndarray, high: np.ndarray, names: str = "xyz") -> dict[str, Any]:
    """Points (m, d) as plotly's x, y, z columns; NaN rows break lines."""
    points = np.asarray(points, float).reshape(-1, len(low))
    return {name: pack(rounded(points[:, a], low[a], high[a])) for a, name in enumerate(names[: len(low)])}


def levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values as 0 .. 255 between low and high, for colours."""
    span = high - low if high > low else 1.0
    return np.clip(np.round((values - low) / span * 255), 0, 255).astype(np.uint8)


def triangles(faces: np.ndarray) -> dict[str, Any]:
    """Faces (F, 3) as plotly's i, j, k."""
    return {name: pack(faces[:, a].astype(np.uint16)) for a, name in enumerate("ijk")}


def line(event: dict[str, Any]) -> bytes:
    """One event of a stream: a line of JSON. NaN and infinity become null."""
    return dumps(event) + b"\n"


def dumps(value: Any) -> bytes:
    """Compact JSON without NaN."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError):
        return json.dumps(plain(value), separators=(",", ":"), allow_nan=False).encode()


def plain(value: Any) -> Any:
    """Python's own types for numpy's, None for what is not finite."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value


def significant(values: np.ndarray, digits: int = 4) -> list[float | None]:
    """Numbers rounded to so many digits, None where they are not finite."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in np.asarray(values, float).ravel()]


def compressed(value: Any) -> bytes:
    """Gzipped JSON."""
    return gzip.compress(dumps(value), 6, mtime=0)


def unpacked(body: bytes) -> Any:
    """What was compressed."""
    return json.loads(gzip.decompress(body))


def script(value: Any) -> str:
    """JSON that may stand inside a <script> element."""
    return json.dumps(plain(value), ensure_ascii=False).replace("</", "<\\/").replace("<!--", "\\u003c!--")
