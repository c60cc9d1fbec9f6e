"""What a sweep says: per varied value medians over seeds with intervals, and slopes over codimension."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, NamedTuple

from toy.intervals import Estimate, over_seeds, share, slope
from toy.rows import Row, column

# Shown measure -> the column that holds what chance or the start gives, where there is one.
SHOWN: dict[str, str | None] = {
    "accuracy": None,
    "sheet_offset_end": "sheet_offset_start",
    "gap_end": "gap_start",
    "dimple_amplitude_end": "dimple_null_95",
    "single_sheet_share": "single_sheet_share_chance",
    "depth_median": None,
    "distance_free_median": None,
    "distance_on_median": None,
    "distance_off_median": None,
    "gradient_normal_share": "gradient_normal_share_chance",
}
SLOPES = ("depth_median", "gap_end")


class Finding(NamedTuple):
    """One line: the varied fields' values, what was estimated, the estimate, and the median of what it is held
    against (None without one)."""

    values: tuple[Any, ...]
    name: str
    estimate: Estimate
    against: float | None


def groups(rows: Iterable[Row], fields: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by the values of some fields, in the rows' order."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[column(field)] for field in fields), []).append(row)
    return found


def findings(rows: Iterable[Row], varied: Sequence[str]) -> list[Finding]:
    """Per combination of the varied values: the share of seeds with two phases, then each measure's median."""
    out = []
    for values, group in groups(rows, varied).items():
        out.append(Finding(values, "two_phases", share([row["two_phases"] for row in group]), None))
        for name, against in SHOWN.items():
            nulls = [row[against] for row in group if row[against] is not None] if against else []
            estimate = over_seeds([row[name] for row in group])
            out.append(Finding(values, name, estimate, median(nulls) if nulls else None))
    return out


def slopes(rows: Iterable[Row], varied: Sequence[str]) -> list[Finding]:
    """Exponents over codimension per combination of the other varied values; [] when it is not varied enough.

    What they are held against is -1/2: the vertical gradient of random weights grows like ell^1/2.
    """
    if "codimension" not in varied:
        return []
    others = [field for field in varied if field != "codimension"]
    out = []
    for values, group in groups([row for row in rows if row["codimension"] > 0], others).items():
        ells = list(dict.fromkeys(row["codimension"] for row in group))
        if len(ells) < 2:
            continue
        for name in SLOPES:
            paired = [[next(r[name] for r in own if r["codimension"] == ell) for ell in ells]
                      for own in groups(group, ["seed"]).values()]
            out.append(Finding(values, f"slope of {name}", slope(ells, paired), -0.5))
    return out


__all__ = ["Finding", "findings", "slopes"]
