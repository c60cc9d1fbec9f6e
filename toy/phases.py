"""The phases of training, found in the measures and not painted on.

Clinging is the sheet offset C falling, dimpling the dimple amplitude B rising above what shuffled labels give. How far
C falls, and B, are read up to twice the measuring height: a boundary that starts further away than is looked for is not
seen to come closer, and at lower codimension the verdict would follow the height (`toy.stability`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool

FALL = 4.0  # times that C must fall for a claim of clinging
READ = ("sheet_offset", "far_sheet_offset", "far_dimple_amplitude", "far_dimple_null_95")  # C, C far, B, B's level


@dataclass(frozen=True)
class Phases:
    """Steps of the phases, None where absent, and the verdict.

    failures: names of the conditions of `two_phases` that do not hold, in words' keys; empty when all do.
    crossover: first measured step from which B stays above C. fall: times that C, read far, fell from start to end.
    """

    t_cling: int | None
    t_dimple: int | None
    t_all_right: int | None
    crossover: int | None
    accuracy_at_t_cling: float | None
    fall: float
    failures: tuple[str, ...] = field(default=())

    @property
    def two_phases(self) -> bool:
        """Whether clinging before dimpling is claimed."""
        return not self.failures


def first_for_good(steps: Sequence[int] | np.ndarray, holds: Bool[np.ndarray, " m"]) -> int | None:
    """First step from which a condition holds to the end; None when it does not hold at the end."""
    if not len(holds) or not holds[-1]:
        return None
    broken = np.flatnonzero(~holds)
    return int(steps[broken[-1] + 1 if len(broken) else 0])


def phases(
    steps: Sequence[int], table: Mapping[str, Sequence[float]], accuracy: np.ndarray, margin: np.ndarray,
    one_class: bool = False,
) -> Phases:
    """Phases from measured steps (m,), columns READ (m,) and the accuracy and margin of every step (T + 1,).

    t_cling: first step from which C stays below half of its start. t_dimple: first step from which B stays above
    half of its last value and above its permutation level. t_all_right: first step from which min y f > 0.
    Two phases: all three exist, C read far fell at least 4-fold, t_cling < t_dimple. Undefined values count as failing.
    one_class: all points have the same label, so that dimples are undefined; the verdict then names that alone. Where
    B has no permutation level, as the points that meet a boundary have too few labellings, the failure is
    "few_labellings".
    """
    missing = np.full(len(steps), np.nan)
    offset, far, bulge, level = (np.asarray(table.get(name, missing), float) for name in READ)
    t_cling = first_for_good(steps, offset < offset[0] / 2)
    t_dimple = first_for_good(steps, (bulge > bulge[-1] / 2) & (bulge > level))
    t_all_right = first_for_good(np.arange(len(margin)), margin > 0)
    undecidable = bool(np.isfinite(bulge[-1]) and np.isnan(level[-1]))
    fall = float(far[0] / far[-1]) if far[-1] else float("inf")
    checks = {
        "no_clinging": t_cling is not None,
        "no_dimpling": t_dimple is not None or undecidable,
        "few_labellings": not undecidable,
        "never_all_right": t_all_right is not None,
        "small_fall": fall >= FALL,
        "wrong_order": t_cling is not None and t_dimple is not None and t_cling < t_dimple,
    }
    if t_cling is None or t_dimple is None:
        del checks["wrong_order"]  # says nothing beyond the absence of one of the two
    if one_class:
        checks = {"one_class": False}
    return Phases(
        t_cling, t_dimple, t_all_right, first_for_good(steps, bulge > offset),
        None if t_cling is None else float(accuracy[t_cling]), fall,
        tuple(name for name, holds in checks.items() if not holds),
    )


def bands(found: Phases, last_step: int) -> list[tuple[str, int, int]]:
    """The time line's bands (name, from, to): clinging, dimpling, settled; empty when clinging is absent."""
    if found.t_cling is None:
        return []
    right = last_step if found.t_all_right is None else max(found.t_all_right, found.t_cling)
    spans = [("clinging", 0, found.t_cling), ("dimpling", found.t_cling, right), ("settled", right, last_step)]
    return [span for span in spans if span[1] < span[2]]
