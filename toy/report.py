"""The numbers of one finished run, under the names of `python -m toy run --json`."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from toy import measures, windows
from toy.link import Setup
from toy.phases import phases
from toy.recording import Recording

AT_THE_END = (
    "single_sheet_share", "missing_share", "depth_median", "distance_free_median", "distance_on_median",
    "distance_off_median", "gradient_normal_share",
)
NAMES = (
    "exhibit", "world", "seed", "steps", "seconds", "diverged_at", "accuracy", "t_cling", "t_dimple", "t_all_right",
    "accuracy_at_t_cling", "two_phases", "two_phases_failures", "fall", "sheet_offset_start", "sheet_offset_end",
    "dimple_amplitude_end", "dimple_null_95", "gap_start", "gap_end", *AT_THE_END, "gradient_normal_share_chance",
    "single_sheet_share_chance", "missing_share_chance",
)  # of a summary, in its order: known before any run, so that a sweep's file can be checked first


def table(recording: Recording, chart: windows.Window | None,
          progress: Callable[[int, int], None] | None = None) -> dict[str, list[Any]]:
    """The cheap measures at all measured steps as columns, "steps" among them; undefined values are NaN."""
    steps = recording.measured_steps
    rows = []
    for i, step in enumerate(steps):
        rows.append(measures.measure(recording, chart, step))
        if progress:
            progress(i + 1, len(steps))
    names = {name for row in rows for name in row}
    return {"steps": steps, **{name: [row.get(name, math.nan) for row in rows] for name in sorted(names)}}


def _plain(value: Any) -> Any:
    """None for an undefined or infinite number, which JSON cannot hold; others as short as their 32 bits allow."""
    if not isinstance(value, float):
        return value
    return float(str(np.float32(value))) if math.isfinite(value) else None


def summary(setup: Setup, recording: Recording, seconds: float,
            progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """One flat object of JSON-ready values; of the last step unless the name says otherwise."""
    chart = windows.normal_chart(recording, setup.view)
    columns = table(recording, chart, progress)
    found = phases(columns["steps"], columns, recording.accuracy, recording.margin, recording.one_class)
    end = {name: values[-1] for name, values in columns.items()}
    end.update(measures.distances(recording, recording.last_step))
    end.update(measures.random_sheets(recording, recording.last_step))
    start = {name: values[0] for name, values in columns.items()}
    share = measures.MEASURES["gradient_normal_share"].chance
    assert share is not None
    out = {
        "exhibit": setup.exhibit,
        "world": {**setup.world.model_dump(), **setup.knobs.model_dump(exclude={"seed"})},
        "seed": setup.knobs.seed,
        "steps": recording.last_step,
        "seconds": round(seconds, 3),
        "diverged_at": recording.diverged_at,
        "accuracy": end["accuracy"],
        "t_cling": found.t_cling,
        "t_dimple": found.t_dimple,
        "t_all_right": found.t_all_right,
        "accuracy_at_t_cling": found.accuracy_at_t_cling,
        "two_phases": found.two_phases,
        "two_phases_failures": list(found.failures),
        "fall": found.fall,
        "sheet_offset_start": start.get("sheet_offset"),
        "sheet_offset_end": end.get("sheet_offset"),
        "dimple_amplitude_end": end.get("dimple_amplitude"),
        "dimple_null_95": end.get("dimple_null_95"),
        "gap_start": start.get("gap"),
        "gap_end": end.get("gap"),
        **{name: end.get(name) for name in AT_THE_END},
        "gradient_normal_share_chance": share(setup.world),
        "single_sheet_share_chance": end.get("random_single_sheet_share"),
        "missing_share_chance": end.get("random_missing_share"),
    }
    return {name: _plain(value) for name, value in out.items()}
