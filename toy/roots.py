"""Bracketed root finding along segments: false position that cannot stall and never leaves its bracket."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

LIMIT = 64


def refine(
    field: Callable[[Float[np.ndarray, "r d"]], Any],
    a: Float[np.ndarray, "m d"],
    b: Float[np.ndarray, "m d"],
    fa: Float[np.ndarray, " m"],
    fb: Float[np.ndarray, " m"],
    tolerance: float = 0.0025,
) -> Float[np.ndarray, "m d"]:
    """One root of the field on each segment a..b whose end values differ in sign.

    x = a + t (b - a) with f(x) = 0. The end values are known, so the first evaluation is already the linear
    interpolation; only segments that have not converged are evaluated again.

    Args:
        field: (r, d) -> (r,), any r; numpy or JAX.
        a, b: ends of the segments, (m, d), length.
        fa, fb: the field there, (m,).
        tolerance: stop when the residual |f| / |slope|, or the bracket, is below this share of the segment.

    Returns:
        (m, d) points; nan where the ends do not bracket a root or the field is not finite on the way.

    Source: Anderson and Bjorck, BIT 13 (1973) 253-264, with a bisection every third step as a guarantee.
    """
    a, b, fa, fb = (np.asarray(v, float) for v in (a, b, fa, fb))
    root = np.where(fa == 0, 0.0, np.where(fb == 0, 1.0, np.nan))
    live = np.flatnonzero(np.isfinite(fa) & np.isfinite(fb) & ((fa < 0) != (fb < 0)) & np.isnan(root))
    bracket = (np.zeros(len(live)), np.ones(len(live)), fa[live], fb[live])
    for step in range(LIMIT):
        if not len(live):
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
    return a + root[:, None] * (b - a)


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
