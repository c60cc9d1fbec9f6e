"""Numbers of a recording that several experiments share, ready for a table: None where undefined or infinite."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy

from toy import attacks, measures, windows
from toy.experiment import Numbers, Result, Table
from toy.intervals import slope
from toy.phases import READ, Phases, phases
from toy.recording import Recording, log_spaced
from toy.world import View

CHEAP = (
    "loss", "accuracy", "vertical_gradient", "lateral_gradient", "gradient_normal_share", "rho", "gap",
    "single_sheet_share", "missing_share", "sheet_offset", "roughness", "depth_median", "side",
    "dimple_amplitude", "dimple_null_95",
)  # the measures of `at`; the last nine need a normal direction


def number(value: Any) -> float | None:
    """A number for a table: True is 1, an undefined or infinite value None."""
    return None if value is None or not math.isfinite(value) else float(value)


def numbers(values: Mapping[str, Any]) -> Numbers:
    """All values of a row as `number` gives them."""
    return {name: number(value) for name, value in values.items()}


def at(recording: Recording, step: int = -1, view: View | None = None, grid_side: int | None = None) -> Numbers:
    """The measures of one step (-1: the last) that need no attack; names and units as in `measures.MEASURES`."""
    step = recording.last_step if step < 0 else step
    chart = windows.normal_chart(recording, view or View())
    found = measures.measure(recording, chart, step, grid_side)
    return numbers({name: found.get(name) for name in CHEAP})


def series(recording: Recording, names: Iterable[str], count: int = 72, grid_side: int | None = None
           ) -> dict[str, np.ndarray]:
    """Measures of `count` log-spaced steps as columns, "steps" among them; undefined values are NaN."""
    chart, steps = windows.normal_chart(recording, View()), log_spaced(recording.last_step, count)
    rows = [measures.measure(recording, chart, step, grid_side) for step in steps]
    return {"steps": np.array(steps), **{name: np.array([r.get(name, math.nan) for r in rows]) for name in names}}


def phase_numbers(recording: Recording, count: int = 72, grid_side: int | None = None) -> Numbers:
    """The phases of a run (`toy.phases`): PHASE_COLUMNS."""
    table = series(recording, READ, count, grid_side)
    steps: list[int] = table["steps"].tolist()
    found = phases(steps, table, recording.accuracy, recording.margin, recording.one_class)  # type: ignore[arg-type]
    return phase_row(found)


def phase_row(found: Phases) -> Numbers:
    """Phases as PHASE_COLUMNS."""
    return numbers({
        "two_phases": found.two_phases, "t_cling": found.t_cling, "t_dimple": found.t_dimple,
        "t_all_right": found.t_all_right, "accuracy_at_t_cling": found.accuracy_at_t_cling, "fall": found.fall,
    })


PHASE_COLUMNS = {
    "two_phases": "1", "t_cling": "steps", "t_dimple": "steps", "t_all_right": "steps", "accuracy_at_t_cling": "1",
    "fall": "1",
}


def lengths(recording: Recording, *kinds: str) -> dict[str, attacks.Perturbations]:
    """Minimal perturbations of the last step, by kind."""
    return {kind: attacks.minimal(kind, recording, recording.last_step) for kind in kinds}


def median(values: np.ndarray) -> float | None:
    """Median over the points; infinite distances count as such, so None where half of the points have none."""
    return number(np.median(values))


def guessing_level(count: int, level: float = 0.95) -> float:
    """The accuracy on `count` balanced points that guessing reaches or stays below in `level` of cases."""
    return float(scipy.stats.binom.ppf(level, count, 0.5) / count)


def units(*names: str) -> dict[str, str]:
    """Columns and their units, of measures by name."""
    return {name: measures.MEASURES[name].unit for name in names}


def above(value: float | None, null: float | None) -> Result:
    """Holds when the value lies above what it is held against."""
    return Result(value, null, None if value is None or null is None else value > null)


def below(value: float | None, null: float | None) -> Result:
    """Holds when the value lies below what it is held against."""
    return Result(value, null, None if value is None or null is None else value < null)


def no_more(value: float | None, null: float | None) -> Result:
    """Holds when the value lies below or at what it is held against; shares of the same few points may be equal."""
    return Result(value, null, None if value is None or null is None else value <= null + 1e-6)


def ratio(a: float | None, b: float | None) -> float | None:
    """a / b; None where one of them is missing or b is 0."""
    return None if a is None or not b else a / b


def difference(a: float | None, b: float | None) -> float | None:
    """a - b; None where one of them is missing."""
    return None if a is None or b is None else a - b


def exponent(table: Table, rows: Mapping[str, float], column: str) -> float | None:
    """b of value ~ x^b over some rows of a table, given their x; None unless all values are above 0."""
    return number(slope(list(rows.values()), [[table[name][column] for name in rows]]).value)


def near_half(value: float | None, null: float | None, wanted: float) -> Result:
    """Holds when `wanted`, a multiple of 1/2, is the nearest of them all."""
    return Result(value, null, None if value is None else round(2 * value) == 2 * wanted)
