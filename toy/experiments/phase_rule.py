"""How stable the phase rule is: does what it says of a run depend on how the run is read?"""

import math
from collections.abc import Mapping

from toy.experiment import Case, Claim, Experiment, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording
from toy.stability import READINGS, read

FACTOR = 1.0  # of 2, by which a step may move


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a reading of the hero world; the first is the rule as it is used."""
    table = {}
    for name, reading in READINGS.items():
        found = read(recordings["hero"], reading)
        table[name] = of.numbers({"two_phases": found.two_phases, "t_cling": found.t_cling,
                                  "t_dimple": found.t_dimple, "fall": found.fall})
    return table


def furthest(table: Table, step: str) -> float | None:
    """The largest |log2 (1 + t) / (1 + t as used)| over the readings; None where one has no such step."""
    steps = [row[step] for row in table.values()]
    known = [t for t in steps if t is not None and t >= 0]
    if len(known) < len(steps):
        return None
    return max(abs(math.log2((1 + t) / (1 + known[0]))) for t in known)


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    verdicts = [row["two_phases"] for row in table.values()]
    departing = None if None in verdicts else sum(v != verdicts[0] for v in verdicts) / (len(verdicts) - 1)
    order = [None if row["t_cling"] is None or row["t_dimple"] is None else row["t_cling"] < row["t_dimple"]
             for row in table.values()]
    turned = None if None in order else sum(o != order[0] for o in order) / (len(order) - 1)
    steady = {name: Result(value, FACTOR, None if value is None else value <= FACTOR)
              for name, value in (("cling-step", furthest(table, "t_cling")),
                                  ("dimple-step", furthest(table, "t_dimple")))}
    return {
        "same-verdict": Result(departing, 0.0, None if departing is None else departing == 0),
        "same-order": Result(turned, 0.0, None if turned is None else turned == 0), **steady,
    }


_READ = "over measuring heights, grids, steps and label shuffles"
EXPERIMENT = Experiment(
    cases={"hero": Case()},
    measure=measure,
    judge=judge,
    claims=(
        Claim("same-verdict", "Whether two phases are found does not depend on how the run is read.",
              f"share of the other readings, {_READ}, with another verdict than the rule as used", "0"),
        Claim("same-order", "Which comes first, clinging or dimpling, does not depend on it.",
              "share of the other readings with another order than the rule as used", "0"),
        Claim("cling-step", "The step of clinging moves by less than a factor of 2.",
              "largest |log2 (1 + t) / (1 + t as used)| over the readings", "1: a factor of 2"),
        Claim("dimple-step", "The step of dimpling moves by less than a factor of 2.",
              "largest |log2 (1 + t) / (1 + t as used)| over the readings", "1: a factor of 2"),
    ),
    columns={"two_phases": "1", "t_cling": "steps", "t_dimple": "steps", "fall": "1"},
    note="The hero world's runs, each read in several ways; the first row is the rule as it is used.",
)
