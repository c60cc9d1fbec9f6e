"""How stable the phase rule is: the same runs read at other heights, grids, steps and shuffles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from toy import measures, windows
from toy.experiment import Simulate
from toy.intervals import Estimate, over_seeds, share
from toy.link import Setup, change
from toy.phases import Phases, phases
from toy.recording import Recording, log_spaced
from toy.world import View


class Reading(NamedTuple):
    """One way to read a run: what departs from the rule as it is used.

    height: factor on the measuring height, at most 1 where the manifold is curved. grid_side: nodes a side of the
    dense grid, None as used. steps: about so many log-spaced steps. shuffles: seed of the label permutations.
    """

    height: float = 1.0
    grid_side: int | None = None
    steps: int = 72
    shuffles: int = 0


READINGS: dict[str, Reading] = {
    "as used": Reading(),
    "height x 0.5": Reading(height=0.5),
    "height x 2": Reading(height=2.0),
    "grid 13": Reading(grid_side=13),
    "grid 41": Reading(grid_side=41),
    "36 steps": Reading(steps=36),
    "144 steps": Reading(steps=144),
    "other shuffles": Reading(shuffles=1),
    "height x 0.5, grid 13": Reading(height=0.5, grid_side=13),
}


class Stability(NamedTuple):
    """A reading over seeds, held against the first reading.

    two_phases: share of seeds with two phases. flips: share of seeds whose verdict departs. order_flips: the same for
    t_cling < t_dimple. cling, dimple: median over seeds of the step's departure, |log2 (1 + t) / (1 + t_first)|, 1
    being a factor of 2; seeds without the step in either are left out, which shows in `used`. furthest_cling,
    furthest_dimple: the largest departure, NaN without any.
    """

    reading: str
    two_phases: Estimate
    flips: Estimate
    order_flips: Estimate
    cling: Estimate
    furthest_cling: float
    dimple: Estimate
    furthest_dimple: float


def read(recording: Recording, reading: Reading) -> Phases:
    """The phases of a run as a reading sees them."""
    chart = windows.normal_chart(recording, View())
    if chart is not None:
        most = windows.measuring_height(recording.world)
        height = most * (reading.height if recording.world.geometry.flat else min(reading.height, 1.0))
        chart = replace(chart, low=(*chart.low[:-1], -height), high=(*chart.high[:-1], height))
    steps = log_spaced(recording.last_step, reading.steps)
    rows = [measures.measure(recording, chart, step, reading.grid_side, reading.shuffles) for step in steps]
    table = {name: [row.get(name, math.nan) for row in rows]
             for name in ("sheet_offset", "dimple_amplitude", "dimple_null_95")}
    return phases(steps, table, recording.accuracy, recording.margin, recording.one_class)


def against(name: str, found: Sequence[Phases], first: Sequence[Phases]) -> Stability:
    """One reading's phases, a seed an entry, held against another's."""
    def ordered(p: Phases) -> bool:
        return p.t_cling is not None and p.t_dimple is not None and p.t_cling < p.t_dimple

    def departures(step: str) -> tuple[Estimate, float]:
        pairs = [(getattr(p, step), getattr(q, step)) for p, q in zip(found, first, strict=True)]
        values = [None if a is None or b is None else abs(math.log2((1 + a) / (1 + b))) for a, b in pairs]
        return over_seeds(values), max((v for v in values if v is not None), default=math.nan)

    return Stability(
        name, share([p.two_phases for p in found]),
        share([p.two_phases != q.two_phases for p, q in zip(found, first, strict=True)]),
        share([ordered(p) != ordered(q) for p, q in zip(found, first, strict=True)]),
        *departures("t_cling"), *departures("t_dimple"),
    )


def stability(setup: Setup, seeds: Sequence[int], simulate: Simulate,
              readings: Mapping[str, Reading] = READINGS) -> list[Stability]:
    """Every reading of a setup's runs over seeds, held against the first reading."""
    found: dict[str, list[Phases]] = {name: [] for name in readings}
    for seed in seeds:
        recording = simulate(change(setup, {"seed": seed}))
        for name, reading in readings.items():
            found[name].append(read(recording, reading))
    first = next(iter(found.values()))
    return [against(name, own, first) for name, own in found.items()]
