"""What a run tells its page, as the events of the stream."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from app import charts, wire
from app.provenance import provenance
from app.text import say, translated, words
from toy import Recording, windows
from toy.exhibits import EXHIBITS
from toy.link import Setup
from toy.measures import MEASURES, distances, measure, random_sheets
from toy.phases import bands
from toy.phases import phases as find_phases
from toy.world import World

PHASES = ("t_cling", "t_dimple", "crossover", "t_all_right")  # the steps that `toy.phases` finds
DISTANCE_STEPS = 24  # of the measured steps, those at which the costly distances are taken too
CHANCE_STEPS = 8  # and of these, those at which sheets are looked for along a random direction too


class Table:
    """Measures of a recording by step, filled coarse to fine; undefined values are NaN. pause: as in `distances`."""

    def __init__(self, recording: Recording, chart: windows.Window | None, pause: Callable[[], None] = lambda: None):
        self.recording, self.chart, self.pause = recording, chart, pause
        self.rows: dict[int, dict[str, float]] = {}
        self.cheap_complete = False

    def fill(self) -> Iterator[tuple[int, int]]:
        """Measure step by step, yielding (done, total); `cheap_complete` is true once, when the phases can be told."""
        steps = self.recording.measured_steps
        dear = sorted({*steps[:: max(1, len(steps) // DISTANCE_STEPS)], steps[-1]})
        of_chance = {*dear[:: max(1, len(dear) // CHANCE_STEPS)], dear[-1]}
        total = len(steps) + len(dear)
        for done, step in enumerate(coarse_to_fine(steps), 1):
            self.rows[step] = measure(self.recording, self.chart, step)
            self.cheap_complete = done == len(steps)
            yield done, total
        self.cheap_complete = False
        for done, step in enumerate(coarse_to_fine(dear), len(steps) + 1):
            self.rows[step] |= distances(self.recording, step, self.pause)
            if step in of_chance:
                self.rows[step] |= random_sheets(self.recording, step)
            yield done, total

    def columns(self) -> dict[str, list[Any]]:
        """Steps in order and one column a measure."""
        steps = sorted(self.rows)
        names = [name for name in MEASURES if any(name in row for row in self.rows.values())]
        return {"steps": steps, **{name: [self.rows[s].get(name, np.nan) for s in steps] for name in names}}


def coarse_to_fine(steps: list[int]) -> list[int]:
    """The same steps, ends first, then halving the gaps: any beginning of the list is evenly spread."""
    last = len(steps) - 1
    order, stride = [0, last], 1 << max(0, last).bit_length()
    while stride:
        order += range(0, last + 1, stride)
        stride //= 2
    return [steps[i] for i in dict.fromkeys(order)]


def progress(step: int, steps: int, loss: float | None, accuracy: float | None, what: str) -> dict[str, Any]:
    """How far training or measuring has come."""
    return {"event": "progress", "step": step, "steps": steps, "loss": wire.plain(loss),
            "accuracy": wire.plain(accuracy), "what": what}


def ready(setup: Setup, recording: Recording, window: windows.Window, scene: dict[str, Any], frame: dict[str, Any],
          frame_steps: list[int], drawn: list[dict[str, Any]], causes: Mapping[str, float]) -> dict[str, Any]:
    """The run is over: its last picture, the steps to fetch, what is known without measuring, and why it diverged."""
    return {
        "event": "ready", "last_step": recording.last_step, "frame_steps": frame_steps, "scene": scene, "frame": frame,
        "charts": drawn, "title": title(setup), "look": look(setup), "subtitle": subtitle(setup, window),
        "series": {"loss": wire.significant(recording.loss), "accuracy": wire.significant(recording.accuracy)},
        "diverged_at": recording.diverged_at, "advice": cause(setup, causes), "one_class": recording.one_class,
        "base": recording.base, "provenance": provenance(setup),
        "fields": {**setup.world.model_dump(), **setup.knobs.model_dump()},
    }


def cause(setup: Setup, causes: Mapping[str, float]) -> str:
    """The likeliest reasons for a run that diverged, as `toy.divergence` finds them."""
    found = [say("notice.diverged_by", name=words()[f"field.{name}"], value=f"{getattr(setup.knobs, name):g}",
                 other=f"{value:g}") for name, value in causes.items()]
    return say("notice.diverged_cause", causes=words()["notice.diverged_or"].join(found)) if found \
        else words()["notice.diverged_no_cause"]


def title(setup: Setup) -> str:
    """The exhibit's headline, as long as its points are those the headline speaks of."""
    if own_points(setup):
        return words().get(f"exhibit.{setup.exhibit}.title", setup.exhibit)
    world = setup.world
    if world.sampling == "own":
        return say("title.own", manifold=choice("manifold", world.manifold))
    return say("title.changed", manifold=choice("manifold", world.manifold), labels=choice("labels", world.labels))


def look(setup: Setup) -> str:
    """What to look at in an exhibit; nothing once its points are others."""
    return words().get(f"exhibit.{setup.exhibit}.look", "") if own_points(setup) else ""


def own_points(setup: Setup) -> bool:
    """Whether a setup still has the exhibit's points, with or without room off them, whatever is trained on them."""
    def points(world: World) -> tuple[str, str, str, bool]:
        return world.manifold, world.labels, world.sampling, world.codimension > 0

    return points(setup.world) == points(EXHIBITS[setup.exhibit].world)


def choice(field: str, value: str) -> str:
    """A choice's name as shown: its own words where there are some, else the identifier."""
    return words()[f"choice.{field}.{value}"]


def subtitle(setup: Setup, window: windows.Window) -> str:
    """What is seen: points, manifold, space and window."""
    world, kind = setup.world, window.kind
    if setup.view.window == "unrolled" and kind == "slice":
        kind = "unrolled_flat"
    return say(
        f"subtitle.{kind}", points=world.point_count, n=str(world.n).translate(SUPERSCRIPT),
        manifold=choice("manifold", world.manifold), note=translated("along", window.note) or "-",
    )


SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def measures(recording: Recording, table: Table) -> dict[str, Any]:
    """All measures so far, with their charts."""
    columns = table.columns()
    names = {}
    flat = recording.world.geometry.flat  # on a flat manifold the way along it is the chord
    for name in SHOWN:
        if name not in columns or (flat and name == "distance_geodesic_median"):
            continue
        known = MEASURES[name]
        chance = known.chance(recording.world) if known.chance else known.null or None
        names[name] = {"label": words().get(f"measure.{name}", name), "unit": known.unit, "chance": chance,
                       "help": words()[f"measure_help.{name}"]}
    return {
        "event": "measures", "charts": charts.draw(recording, columns), "names": names,
        "table": {name: values if name == "steps" else wire.significant(np.array(values, float))
                  for name, values in columns.items()},
    }


SHOWN = (
    "distance_free_median", "distance_on_median", "distance_geodesic_median", "distance_off_median",
    "perturbation_normal_share", "first_order_error", "gradient_normal_share", "rho", "sheet_offset",
    "dimple_amplitude", "dimple_null_95", "gap", "depth_median", "single_sheet_share", "missing_share",
)  # of the measures, in the table's order


def phases(recording: Recording, table: Table) -> dict[str, Any]:
    """The phases found in the measures, as bands and marks of the time line and a verdict in words."""
    columns = table.columns()
    found = find_phases(columns["steps"], columns, recording.accuracy, recording.margin, recording.one_class)
    marks = [{"step": step, "label": words()[f"mark.{name}"]}
             for name in PHASES if (step := getattr(found, name)) is not None]
    offset = columns.get("far_sheet_offset", [np.nan])
    shown: dict[str, Any] = {"cling": found.t_cling, "dimple": found.t_dimple, "right": found.t_all_right,
             "accuracy": "-" if found.accuracy_at_t_cling is None else f"{found.accuracy_at_t_cling:.2f}",
             "fall": f"{found.fall:.0f}" if found.fall >= 10 else f"{found.fall:.1f}",
             "begin": f"{offset[0]:.2g}", "end": f"{offset[-1]:.2g}"}
    if table.chart is None:
        verdict = words()["verdict.no_normal"]
    elif found.two_phases:
        verdict = say("verdict.two_phases", **shown)
    else:
        names = ["no_closer" if name == "small_fall" and found.fall <= 1 else name for name in found.failures]
        verdict = " ".join([words()["verdict.not"], *(say(f"verdict.{name}", **shown) for name in names)])
    if recording.base:
        verdict += " " + words()["verdict.branch"]
    return {
        "event": "phases", "verdict": verdict, "two_phases": found.two_phases, "marks": marks,
        "found": {name: getattr(found, name) for name in PHASES},
        "bands": [{"name": name, "from": start, "to": end}
                  for name, start, end in bands(found, recording.last_step)],
    }
