"""Bracketed root finding along segments: false position that cannot stall and never leaves its bracket."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

LIMIT = 64
PARTS = 5  # a bracket is cut into as many or more, rather than in two, where that costs no further call


def refine(
    field: Callable[[Float[np.ndarray, "r d"]], Any],
    a: Float[np.ndarray, "m d"],
    b: Float[np.ndarray, "m d"],
    fa: Float[np.ndarray, " m"],
    fb: Float[np.ndarray, " m"],
    tolerance: float = 0.0025,
    room: int = 0,
) -> Float[np.ndarray, "m d"]:
    """One root of the field on each segment a..b whose end values differ in sign.

    x = a + t (b - a) with f(x) = 0. The end values are known, so the first evaluation is already the linear
    interpolation; only segments that have not converged are evaluated again.

    Args:
        field: (r, d) -> (r,), any r; numpy or JAX.
        a, b: ends of the segments, (m, d), length.
        fa, fb: the field there, (m,).
        tolerance: stop when the residual |f| / |slope|, or the bracket, is below this share of the segment.
        room: so many points cost the field as much as one: the last few segments use them all at once.

    Returns:
        (m, d) points; nan where the ends do not bracket a root or the field is not finite on the way.

    Source: Anderson and Bjorck, BIT 13 (1973) 253-264, with a bisection every third step as a guarantee.
    """
    a, b, fa, fb = (np.asarray(v, float) for v in (a, b, fa, fb))
    root = np.where(fa == 0, 0.0, np.where(fb == 0, 1.0, np.nan))
    live = np.flatnonzero(np.isfinite(fa) & np.isfinite(fb) & ((fa < 0) != (fb < 0)) & np.isnan(root))
    bracket = (np.zeros(len(live)), np.ones(len(live)), fa[live], fb[live])
    for step in range(LIMIT):
        if not len(live) or len(live) * PARTS < room:
            break
        t = _next(step, *bracket)
        ft = np.asarray(field(a[live] + t[:, None] * (b[live] - a[live])), float)
        with np.errstate(divide="ignore", invalid="ignore"):
            residual = np.abs(ft) / _slope(t, ft, *bracket)
        bracket = _shrink(t, ft, *bracket)
        # The next false position costs nothing and is nearly always better than the point just evaluated.
        root[live] = np.where(np.isfinite(ft), _false_position(*bracket), np.nan)
        going = np.isfinite(ft) & (residual >= tolerance) & (np.abs(bracket[0] - bracket[1]) >= tolerance)
        live, bracket = live[going], tuple(v[going] for v in bracket)
    if len(live):
        start, way = a[live, None], (b - a)[live, None]
        root[live] = _divided(
            lambda t: np.asarray(field((start + t[..., None] * way).reshape(-1, a.shape[1])), float).reshape(t.shape),
            bracket, tolerance, max(1, room // len(live)))
    return a + root[:, None] * (b - a)


def _divided(evaluate: Callable, bracket: tuple[Any, ...], tolerance: float, count: int) -> Float[np.ndarray, " m"]:
    """Roots in brackets that `count` points at once cut into equal parts until they are short."""
    s, t, fs, ft = bracket
    each, sound = np.arange(len(s)), np.ones(len(s), bool)
    while (np.abs(t - s) >= tolerance).any():
        places = np.linspace(s, t, count + 2, axis=1)
        f = np.column_stack([fs, evaluate(places[:, 1:-1]), ft])
        sound &= np.isfinite(f).all(1)
        first = ((f < 0) != (f[:, :1] < 0)).argmax(1)
        s, t, fs, ft = places[each, first - 1], places[each, first], f[each, first - 1], f[each, first]
    return np.where(sound, _false_position(s, t, fs, ft), np.nan)


# A bracket is (s, t, fs, ft): t the newest end, s the opposite one, whose value fs is scaled down each time it stays.


def _false_position(s: Any, t: Any, fs: Any, ft: Any) -> Any:
    return t + (s - t) * (ft / (ft - fs))


def _next(step: int, s: Any, t: Any, fs: Any, ft: Any) -> Any:
    """False position, and the middle every third time: halves the bracket whatever the function does."""
    return (s + t) / 2 if step % 3 == 2 else _false_position(s, t, fs, ft)


def _shrink(new: Any, fnew: Any, s: Any, t: Any, fs: Any, ft: Any) -> tuple[Any, ...]:
    crossed = (fnew < 0) != (ft < 0)
    ratio = 1 - fnew / np.where(ft == 0, 1, ft)
    weight = np.where(ft == 0, 1, np.where(ratio > 0, ratio, 0.5))
    return np.where(crossed, t, s), new, np.where(crossed, ft, fs * weight), fnew


def _slope(new: np.ndarray, fnew: np.ndarray, s: np.ndarray, t: np.ndarray, fs: np.ndarray, ft: np.ndarray) -> Any:
    """The smaller of the two secant slopes around the new point: cautious at a kink."""
    return np.fmin(np.abs((fnew - fs) / (new - s)), np.abs((fnew - ft) / (new - t)))
