"""Exhibit walls-or-dimples: the size of the first weights decides how deep the boundary bulges."""

from collections.abc import Mapping

from toy.experiment import Case, Claim, Experiment, Numbers, Plot, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording

SCALES = (0.1, 0.3, 1.0, 3.0, 5.0)
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.8)  # the last is the published one
LINE = {"manifold": "line", "labels": "alternating", "sampling": "five-point", "hidden_layers": 2, "width": 100,
        "init": "he", "optimizer": "adam", "learning_rate": 1e-3, "steps": 2000, "stop_margin": 0.0}
HERO = {"hidden_layers": 4, "width": 100, "init": "normal-first", "optimizer": "adam", "learning_rate": 1e-3,
        "steps": 2000, "stop_margin": 0.0, "offset": 0.0}
SHOWN = ("accuracy", "loss", "gap", "depth_median", "missing_share", "single_sheet_share", "sheet_offset")


def row(recording: Recording) -> Numbers:
    """The last boundary of one run."""
    found = of.at(recording)
    return {**{name: found[name] for name in SHOWN}, "steps": float(recording.last_step)}


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a run."""
    return {name: row(recording) for name, recording in recordings.items()}


def largest_that_fits(table: Table) -> Numbers:
    """The row of the largest penalty with which every point is right; {} without one."""
    rows = [table[f"chess, penalty {p:g}"] for p in PENALTIES]
    fits = [found for found in rows if found["accuracy"] is not None and found["accuracy"] >= 1]
    return fits[-1] if fits else {}


def fitted(table: Table, kind: str) -> dict[str, float]:
    """Scale of the starting weights by row, of the runs in which every point is right."""
    rows = {f"{kind} x {scale:g}": scale for scale in SCALES}
    return {name: scale for name, scale in rows.items() if (table[name]["accuracy"] or 0) >= 1}


def exponent(table: Table, kind: str) -> float | None:
    """b of gap ~ scale^b over the runs in which every point is right; None with fewer than three."""
    rows = fitted(table, kind)
    return of.exponent(table, rows, "gap") if len(rows) >= 3 else None


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    plain, small, penalty = table["chess"], table["chess, init / 3"], largest_that_fits(table)
    published = table[f"chess, penalty {PENALTIES[-1]:g}"]["accuracy"]
    line = list(fitted(table, "line"))
    first, last = (table[line[i]]["missing_share"] if len(line) >= 2 else None for i in (0, -1))
    return {
        "small-init-far": of.above(small["gap"], plain["gap"]),
        "small-init-deep": of.above(small["depth_median"], plain["depth_median"]),
        "penalty-far": of.above(penalty.get("gap"), plain["gap"]),
        "penalty-deep": of.above(penalty.get("depth_median"), plain["depth_median"]),
        "published-penalty-fits": Result(
            published, of.guessing_level(25), None if published is None else published >= 1),
        "line-scale": of.below(exponent(table, "line"), 0.0),
        "hero-scale": of.below(exponent(table, "hero"), 0.0),
        "small-init-walls": of.above(first, last),
    }


EXPERIMENT = Experiment(
    cases={
        "chess": Case(),
        "chess, init / 3": Case({"init_scale": 1 / 3}),
        **{f"chess, penalty {p:g}": Case({"first_layer_penalty": p, "steps": 30_000}) for p in PENALTIES},
        **{f"line x {scale:g}": Case({**LINE, "init_scale": scale}) for scale in SCALES},
        **{f"hero x {scale:g}": Case({**HERO, "init_scale": scale}) for scale in SCALES},
    },
    measure=measure,
    judge=judge,
    claims=(
        Claim("small-init-far", "With weights a third as large at the start the boundary stays further off.",
              "gap of authors-chess from a third of the weights", "gap of the plain net, same seed", "length"),
        Claim("small-init-deep", "With weights a third as large at the start the dimples are deeper.",
              "median depth of authors-chess from a third of the weights", "median depth of the plain net, same seed",
              "length"),
        Claim("penalty-far", "A penalty on the first layer keeps the boundary further off.",
              "gap of authors-chess with the largest penalty that lets every point be right",
              "gap of the plain net, same seed", "length"),
        Claim("penalty-deep", "A penalty on the first layer makes deeper dimples.",
              "median depth of authors-chess with the largest penalty that lets every point be right",
              "median depth of the plain net, same seed", "length"),
        Claim("published-penalty-fits", "The published penalty, 0.8, lets the net fit every point.",
              "accuracy after 30 000 steps; holds at 1", "accuracy that guessing stays below or at in 95 % of cases"),
        Claim("line-scale", "On the five-point line smaller weights at the start leave a larger gap.",
              "exponent b of gap ~ scale^b over those scales of .1 .. 5 with which every point is right",
              "0: no change with the scale"),
        Claim("hero-scale", "On the 25 points at ell = 1 smaller weights at the start leave a larger gap.",
              "exponent b of gap ~ scale^b over those scales of .1 .. 5 with which every point is right",
              "0: no change with the scale"),
        Claim("small-init-walls",
              "Small weights at the start make walls: lines off the manifold that meet no boundary.",
              "missing share on the five-point line at the smallest scale with which every point is right",
              "missing share at the largest"),
    ),
    columns={**of.units(*SHOWN), "steps": "steps"},
    plots=tuple(Plot("init_scale", ("gap", "depth_median"), tuple(f"{world} x {scale:g}" for scale in SCALES))
                for world in ("line", "hero")),
)
