"""How stable the phase rule is: the same run read at other heights, grids, steps and shuffles."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from toy import measures, windows
from toy.errors import FieldError
from toy.phases import READ, Phases, phases
from toy.recording import Recording, log_spaced
from toy.world import View


class Reading(NamedTuple):
    """One way to read a run: what departs from the rule as it is used.

    height: factor on the heights, at most 1 where the manifold is curved. grid_side: nodes a side of the dense grid,
    None as used. steps: about so many log-spaced steps. shuffles: seed of the label permutations.
    """

    height: float = 1.0
    grid_side: int | None = None
    steps: int = 72
    shuffles: int = 0


AS_USED = "as used"
READINGS: dict[str, Reading] = {
    AS_USED: Reading(),
    "height x 0.5": Reading(height=0.5),
    "height x 2": Reading(height=2.0),
    "grid 13": Reading(grid_side=13),
    "36 steps": Reading(steps=36),
    "other shuffles": Reading(shuffles=1),
}


def read(recording: Recording, reading: Reading) -> Phases:
    """The phases of a run as a reading sees them; FieldError naming what of the reading makes no sense."""
    for argument, value, least in (("height", reading.height, 1e-3), ("grid_side", reading.grid_side, 2),
                                   ("steps", reading.steps, 1)):
        if value is not None and not least <= value < math.inf:
            raise FieldError(argument, f"at least {least:g}", value)
    chart = windows.normal_chart(recording, View())
    if chart is not None:
        most = windows.measuring_height(recording.world)
        height = most * (reading.height if recording.world.geometry.flat else min(reading.height, 1.0))
        chart = replace(chart, low=(*chart.low[:-1], -height), high=(*chart.high[:-1], height))
    steps = log_spaced(recording.last_step, reading.steps)
    rows = [measures.measure(recording, chart, step, reading.grid_side, reading.shuffles) for step in steps]
    table = {name: [row.get(name, math.nan) for row in rows] for name in READ}
    return phases(steps, table, recording.accuracy, recording.margin, recording.one_class)


def agreement(verdicts: Sequence[float | None]) -> float | None:
    """Share of the readings whose verdict is that of the first, the rule as used; None where one is missing."""
    if None in verdicts:
        return None
    return sum(bool(v) == bool(verdicts[0]) for v in verdicts[1:]) / (len(verdicts) - 1)
