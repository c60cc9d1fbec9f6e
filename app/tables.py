"""A recording and its measures as files that other programs read."""

import csv
import io
from typing import Any

import numpy as np

from app.provenance import provenance
from toy import Recording
from toy.link import Setup
from toy.measures import MEASURES


def npz(setup: Setup, recording: Recording) -> bytes:
    """What `Recording.save` writes, its provenance in the header; `Recording.load` reads it back."""
    file = io.BytesIO()
    recording.save(file, provenance(setup))
    return file.getvalue()


def table(setup: Setup, recording: Recording, columns: dict[str, list[Any]]) -> str:
    """All measures at all measured steps as CSV, undefined values empty.

    The lines before the header start with "# ": provenance, then unit, chance level and meaning of each measure.
    """
    columns = columns | {"margin": recording.margin[columns["steps"]].tolist()}
    names = [name for name in (*MEASURES, "margin") if name in columns]
    file = io.StringIO()
    for name, text in provenance(setup).items():
        file.write(f"# {name}: {text}\n")
    for name in names:
        file.write(f"# {name}{_about(name, recording)}\n")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["step", *names])
    for row in zip(columns["steps"], *(columns[name] for name in names), strict=True):
        writer.writerow(["" if isinstance(value, float) and np.isnan(value) else value for value in row])
    return file.getvalue()


def _about(name: str, recording: Recording) -> str:
    """Unit, chance level and help of a measure."""
    if name not in MEASURES:
        return " [logits]: Smallest y f(x) over the training points."
    known = MEASURES[name]
    chance = f" (chance {known.chance(recording.world):.4g})" if known.chance else ""
    return f"{f' [{known.unit}]' if known.unit else ''}{chance}: {known.help}"
