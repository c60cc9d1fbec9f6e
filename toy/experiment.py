"""Experiments: a claim of the model, the runs that test it, and a verdict computed from them over seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from toy.intervals import Estimate, over_seeds, share
from toy.link import Setup, change
from toy.recording import Recording

Numbers = dict[str, float | None]
Table = dict[str, Numbers]  # row (mostly a case) -> column -> value; None where undefined or infinite
Simulate = Callable[[Setup], Recording]


@dataclass(frozen=True)
class Case:
    """One run of an experiment: the fields in which it departs from the exhibit, as in a link.

    seed_shift is added to the seed, for claims that hold one net against another.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    seed_shift: int = 0


@dataclass(frozen=True)
class Claim:
    """A prediction: one sentence, what is measured, what it is held against ("" for a plain threshold), its unit."""

    name: str
    prediction: str
    value: str
    null: str
    unit: str = "1"


class Result(NamedTuple):
    """What one seed says of a claim: its value, the null beside it, and whether it holds; None where undefined."""

    value: float | None
    null: float | None
    holds: bool | None


@dataclass(frozen=True)
class Plot:
    """A picture of the table, medians over seeds: columns y against x, a field of the cases or another column.

    rows: those shown, by default the cases. law: an exponent; then both axes are logarithmic, and exponents are
    fitted to the columns and held against it.
    """

    x: str
    y: tuple[str, ...]
    rows: tuple[str, ...] = ()
    law: float | None = None


@dataclass(frozen=True)
class Experiment:
    """The runs of an exhibit and what follows from them.

    measure: recordings by case -> the measured table. judge: that table -> a Result for each claim's name.
    columns: unit of each column of the table. note: how the world was chosen, where that matters.
    """

    cases: Mapping[str, Case]
    measure: Callable[[Mapping[str, Recording]], Table]
    judge: Callable[[Table], Mapping[str, Result]]
    claims: tuple[Claim, ...]
    columns: Mapping[str, str]
    note: str = ""
    plots: tuple[Plot, ...] = ()


class Evidence(NamedTuple):
    """One seed's table and results, by claim."""

    table: Table
    results: dict[str, Result]


class Finding(NamedTuple):
    """A claim over seeds: medians of value and null with intervals, share of seeds in which it holds, verdict.

    verdict: "holds" when Wilson's 95 % interval of the share lies above one half, "fails" when below, else
    "undecided"; seeds in which the claim is undefined count as not holding.
    """

    claim: Claim
    value: Estimate
    null: Estimate
    holds: Estimate
    verdict: str


def setups(experiment: Experiment, base: Setup) -> dict[str, Setup]:
    """The setup of every case, at the base's seed."""
    return {
        name: change(base, {**case.changes, "seed": base.knobs.seed + case.seed_shift})
        for name, case in experiment.cases.items()
    }


def evidence(experiment: Experiment, base: Setup, simulate: Simulate) -> Evidence:
    """Run all cases at the base's seed, measure and judge them."""
    recordings = {name: simulate(setup) for name, setup in setups(experiment, base).items()}
    table = experiment.measure(recordings)
    results = experiment.judge(table)
    return Evidence(table, {claim.name: results[claim.name] for claim in experiment.claims})


def findings(experiment: Experiment, results: Sequence[Mapping[str, Result]]) -> list[Finding]:
    """What many seeds' results say of each claim."""
    out = []
    for claim in experiment.claims:
        own = [result[claim.name] for result in results]
        held = share([bool(result.holds) for result in own])
        verdict = "holds" if held.low > 0.5 else "fails" if held.high < 0.5 else "undecided"
        out.append(Finding(claim, over_seeds([r.value for r in own]), over_seeds([r.null for r in own]), held, verdict))
    return out


__all__ = ["Case", "Claim", "Evidence", "Experiment", "Finding", "Numbers", "Plot", "Result", "Table", "evidence",
           "findings", "setups"]
