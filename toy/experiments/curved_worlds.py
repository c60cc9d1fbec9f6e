"""Exhibit curved-worlds: the same measures on curved manifolds, unrolled."""

from collections.abc import Mapping

import numpy as np

from toy.experiment import Case, Claim, Experiment, Numbers, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording

SURFACES = ("wave", "paraboloid", "sphere", "torus", "swiss-roll")
CURVES = ("sine", "circle", "spiral", "helix")
N = 32  # dimensions of the ambient space, the hero world's
THIN = "wave, ell 1"
STEPS = 64  # measured, log-spaced
GRID = {1: 129, 2: 17}  # nodes a side of the measuring grid, by k


def row(recording: Recording) -> Numbers:
    """Phases, last sheet and the minimal perturbations of one manifold."""
    side = GRID[recording.world.k]
    end, start = of.at(recording, grid_side=side), of.at(recording, 0, grid_side=side)
    found = of.lengths(recording, "free", "on", "off")
    on, geodesic = found["on"].distance, found["on"].geodesic
    met = np.isfinite(on)
    return {
        **of.phase_numbers(recording, STEPS, side), **{name: end[name] for name in SHOWN}, "gap_start": start["gap"],
        "distance_free_median": of.median(found["free"].distance), "distance_on_median": of.median(on),
        "distance_geodesic_median": of.median(geodesic), "distance_off_median": of.median(found["off"].distance),
        "geodesic_over_chord_least": of.number((geodesic[met] / on[met]).min()) if met.any() else None,
    }


SHOWN = ("accuracy", "gap", "single_sheet_share", "missing_share", "depth_median", "dimple_amplitude", "dimple_null_95")


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a manifold."""
    return {name: row(recording) for name, recording in recordings.items()}


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    names = (*SURFACES, *CURVES)
    least = [table[name]["geodesic_over_chord_least"] for name in names]
    known = [value for value in least if value is not None]
    pairs = [(table[name]["distance_off_median"], table[name]["distance_geodesic_median"]) for name in names]
    told = [None if off is None or way is None else off < way for off, way in pairs]
    nearer = None if all(answer is None for answer in told) else sum(map(bool, told)) / len(told)
    out = {"geodesic-not-shorter": Result(min(known), 1.0, min(known) > 1 - 1e-4) if known else Result(None, 1.0, None),
           "off-shorter": of.above(nearer, 0.5),
           "codimension-makes-sheets": of.above(table["wave"]["single_sheet_share"], table[THIN]["single_sheet_share"])}
    for name in names:
        order = of.above(of.ratio(table[name]["t_dimple"], table[name]["t_cling"]), 1.0)
        out[name] = order._replace(holds=bool(table[name]["two_phases"]))
    return out


EXPERIMENT = Experiment(
    cases={
        **{name: Case({"manifold": name, "codimension": N - 2}) for name in SURFACES},
        THIN: Case({"codimension": 1}),
        **{name: Case({"manifold": name, "codimension": N - 1, "points_per_side": 25}) for name in CURVES},
    },
    measure=measure,
    judge=judge,
    claims=(
        *(Claim(name, f"On the {name} the boundary clings before it dimples, and then fits every point.",
                "step of dimpling over step of clinging; holds when all conditions of the phases are met",
                "1: both at once") for name in (*SURFACES, *CURVES)),
        Claim("off-shorter", "On curved manifolds too the boundary is nearer off the manifold than along it.",
              "share of the nine manifolds whose median distance off is below the median way along the manifold; one "
              "where either is undefined counts as not",
              "1/2"),
        Claim("codimension-makes-sheets", "It is codimension that makes the boundary over a curved manifold one sheet.",
              "share of the wave's normal lines that meet the boundary exactly once, at ell = 30",
              "the same at ell = 1"),
        Claim("geodesic-not-shorter", "The way along the manifold is never shorter than the chord.",
              "smallest ratio of way to chord over all points and manifolds", "1: a flat manifold"),
    ),
    columns={
        **of.PHASE_COLUMNS, **of.units(*SHOWN, "distance_free_median", "distance_on_median",
                                       "distance_geodesic_median", "distance_off_median"),
        "gap_start": "length", "geodesic_over_chord_least": "1",
    },
    note="All manifolds stand in 32 dimensions, as the hero world does; in 3 they get walls.",
)
