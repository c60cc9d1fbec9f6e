"""Exhibit dimpled-sheet: the boundary clings to the data first, then grows one dimple a point."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.spatial import KDTree

from toy import windows
from toy.errors import FieldError
from toy.experiment import Case, Claim, Experiment, Result, Table
from toy.experiments import numbers as of
from toy.heights import heights
from toy.manifolds import point
from toy.recording import Recording
from toy.stability import AS_USED, READINGS, agreement, read
from toy.world import View

SIDE = 33  # nodes a side: eight between two of the hero world's points


def dimples(recording: Recording) -> tuple[Bool[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
    """Which training points have a hill of the last step's boundary of their own, and which a hollow; (N,) each.

    A point's cell holds the grid nodes nearer to it than to any other point. It has a hill when the boundary's
    highest node in the cell has no neighbour in another cell; "up" is where a bulge has to go for class +1.
    """
    world, chart = recording.world, windows.normal_chart(recording, View())
    if chart is None:
        raise FieldError("codimension", "at least 1", world.codimension)
    u = windows.parameter_grid(world, SIDE)
    found = heights(chart, recording.params(recording.last_step), u)
    side = -np.sign(np.median(found.slope[found.count > 0])) if found.count.any() else 1.0

    def place(v: np.ndarray) -> np.ndarray:
        return np.asarray(point(world.geometry, world.n, 0.0, jnp.asarray(v)))

    cell = KDTree(place(recording.data.u)).query(place(u))[1].reshape((SIDE,) * world.k)
    inner = (maximum_filter(cell, 3, mode="nearest") == minimum_filter(cell, 3, mode="nearest")).ravel()

    def peaks(h: np.ndarray) -> np.ndarray:
        h = np.where(np.isfinite(h), h, -np.inf)
        own = [np.flatnonzero(cell.ravel() == i) for i in range(world.point_count)]
        return np.array([bool(len(nodes)) and np.isfinite(h[nodes].max()) and inner[nodes[h[nodes].argmax()]]
                         for nodes in own])

    return peaks(side * found.nearest), peaks(-side * found.nearest)


def own_dimples(recording: Recording) -> tuple[float, float]:
    """Share of points with a dimple of their own to their right side, and its 95 % level over shuffled labels."""
    up, down = dimples(recording)
    y = recording.data.y
    shuffled = np.random.default_rng(0).permuted(np.tile(y, (999, 1)), axis=1)
    return (float(np.where(y > 0, up, down).mean()),
            float(np.quantile(np.where(shuffled > 0, up, down).mean(1), 0.95)))


def measure(recordings: Mapping[str, Recording]) -> Table:
    """The hero world's phases and last sheet, the sheet in a slice of random direction, the phases read otherwise."""
    hero = recordings["hero"]
    share, level = own_dimples(hero)
    return {
        "hero": {
            **of.phase_numbers(hero), **of.at(hero), "own_dimple_share": share, "own_dimple_null_95": level,
            "guessing_95": of.guessing_level(hero.world.point_count),
        },
        "random slice": of.at(hero, view=View(direction="random")),
        **{name: of.phase_row(read(hero, reading)) for name, reading in READINGS.items() if name != AS_USED},
    }


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    hero, chance = table["hero"], table["random slice"]
    agree = agreement([table["hero" if name == AS_USED else name]["two_phases"] for name in READINGS])
    order = of.above(of.ratio(hero["t_dimple"], hero["t_cling"]), 1.0)
    return {
        "two-phases": order._replace(holds=bool(hero["two_phases"])),
        "verdict-stands": Result(agree, 1.0, None if agree is None else agree == 1),
        "clings-unlearned": of.no_more(hero["accuracy_at_t_cling"], hero["guessing_95"]),
        "one-dimple-a-point": of.above(hero["own_dimple_share"], hero["own_dimple_null_95"]),
        "dimples-follow-labels": of.above(hero["dimple_amplitude"], hero["dimple_null_95"]),
        "single-sheet": of.above(hero["single_sheet_share"], chance["single_sheet_share"]),
    }


EXPERIMENT = Experiment(
    cases={"hero": Case()},
    measure=measure,
    judge=judge,
    claims=(
        Claim("two-phases", "The boundary clings to the manifold before it dimples, and then fits every point.",
              "step of dimpling over step of clinging; holds when all conditions of the phases are met",
              "1: both at once"),
        Claim("verdict-stands", "Whether there are two phases does not depend on how the run is read.",
              "share of readings with the same verdict: heights halved and doubled, coarser grid, "
              "fewer steps, other label shuffles", "1: all of them"),
        Claim("clings-unlearned",
              "When the boundary has come to lie along the manifold, the labels are not learned yet.",
              "accuracy at the step of clinging", "accuracy that guessing stays below or at in 95 % of cases"),
        Claim("one-dimple-a-point", "At the end more training points have a dimple of their own than chance gives.",
              "share of points whose cell holds a bulge of its own to the point's right side",
              "95 % level of the same share over shuffled labels"),
        Claim("dimples-follow-labels", "The bulges go to the right side of the points.",
              "dimple amplitude B of the last step", "95 % level of B over shuffled labels", "length"),
        Claim("single-sheet",
              "Seen along the net's own direction the boundary is one sheet over more of the manifold than along a "
              "random one.",
              "share of normal lines, along the mean off-manifold gradient, that meet the boundary exactly once",
              "the same along a random normal direction"),
    ),
    columns={
        **of.PHASE_COLUMNS, "guessing_95": "1", "own_dimple_share": "1", "own_dimple_null_95": "1",
        **of.units(*of.CHEAP),
    },
    note="The world was chosen because it shows the picture well; how typical it is, the seeds tell.",
)
