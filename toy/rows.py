"""The rows of a sweep as a CSV file: what each column is, and a file that only ever holds whole rows."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from toy import report
from toy.errors import FieldError
from toy.files import whole_file
from toy.link import Setup
from toy.origin import written
from toy.world import Knobs, World, choices, is_text

Row = dict[str, Any]
Key = tuple[str, ...]

VIEW_FIELDS = ("direction", "reference_step")  # the only ones of View that a number of the row depends on
ROW_FIELDS = (*World.model_fields, *(name for name in Knobs.model_fields if name != "seed"), *VIEW_FIELDS)
LIST_COLUMNS = ("two_phases_failures",)
ADVICE = "give another file, or the sweep that began this one"


def column(field: str) -> str:
    """The column of a field: its name, after `world_` where a number of the report has that name."""
    return f"world_{field}" if field in report.NAMES and field != "seed" else field


FIELD_COLUMNS = ("exhibit", *map(column, ROW_FIELDS), "origin", "seed")
TEXT_COLUMNS = ("exhibit", "origin", *(column(name) for name in ROW_FIELDS if choices(name) or is_text(name)))
# `seconds` differs from run to run and stands last, where it is easily left out of a comparison.
COLUMNS = (
    *FIELD_COLUMNS,
    *(name for name in report.NAMES if name not in ("exhibit", "world", "seed", "seconds")),
    "seconds",
)


def fields_of(setup: Setup) -> Row:
    """The part of a row that says which run it is."""
    values = {**setup.world.model_dump(), **setup.knobs.model_dump(), **setup.view.model_dump()}
    return {"exhibit": setup.exhibit, **{column(name): values[name] for name in ROW_FIELDS},
            "origin": urlencode(written(setup.origin)), "seed": values["seed"]}


def row_of(setup: Setup, summary: Row) -> Row:
    """The row of a run: `report.summary` with its world flattened, `seconds` last."""
    numbers = {name: value for name, value in summary.items() if name != "world"}
    return {name: {**fields_of(setup), **numbers}[name] for name in COLUMNS}


def encode(value: Any) -> str:
    """A value as a cell; floats by their shortest exact text, so that they come back to the last bit."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def decode(name: str, cell: str) -> Any:
    """The value of a cell; ValueError when the column cannot hold it."""
    if name in LIST_COLUMNS:
        return cell.split()
    if name in TEXT_COLUMNS:
        return cell
    value = json.loads(cell) if cell else None
    if isinstance(value, str | list | dict) or encode(value) != cell:
        raise ValueError(f"{name} cannot be {cell!r}")
    return value


def key_of(setup: Setup) -> Key:
    """The cells that name a run."""
    return tuple(map(encode, fields_of(setup).values()))


def key(row: Row) -> Key:
    """The same, of a row."""
    return tuple(encode(row[name]) for name in FIELD_COLUMNS)


def text(lines: Iterable[Iterable[str]]) -> bytes:
    """Cells as lines of CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue().encode()


def read(path: str | Path) -> list[Row]:
    """The rows of a file, values as `report.summary` gives them; [] for an empty file.

    Raises FieldError naming `--out` when the file has other columns or a damaged line.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise FieldError("--out", "a file that can be read", str(path), error.strerror or "") from None
    if not content:
        return []
    try:
        # strict: a quote left open would otherwise swallow the lines after it
        lines = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FieldError("--out", "a file of rows", str(path), str(error)) from None
    if tuple(lines[0]) != COLUMNS:
        raise FieldError("--out", "a file with this sweep's columns", str(path), ADVICE)
    rows = []
    for number, cells in enumerate(lines[1:], 2):
        try:
            rows.append({name: decode(name, cell) for name, cell in zip(COLUMNS, cells, strict=True)})
        except ValueError:
            _damaged(path, number)
    if not content.endswith(b"\n"):
        _damaged(path, len(lines))
    return rows


def _damaged(path: str | Path, number: int) -> None:
    advice = f"line {number} is damaged: delete that line, and its run is made again"
    raise FieldError("--out", "a file of whole rows", str(path), advice)


def resume(path: str | Path, wanted: Iterable[Key]) -> dict[Key, Row]:
    """Rows of an earlier, broken off sweep by key; the file, begun with its header, if there is none.

    Raises FieldError naming `--out` when it cannot be written, or holds rows not wanted or two of one run.
    """
    wanted, path = set(wanted), Path(path)
    done: dict[Key, Row] = {}
    try:
        with open(path, "ab") as file:
            if not file.tell():
                file.write(text([COLUMNS]))
    except OSError as error:
        raise FieldError("--out", "a file that can be written", str(path), error.strerror or "") from None
    for number, row in enumerate(read(path), 2):
        name = key(row)
        if name not in wanted:
            raise FieldError("--out", "a file of this sweep", str(path), f"line {number} is a run of another; {ADVICE}")
        if name in done:
            _damaged(path, number)
        done[name] = row
    return done


def append(path: str | Path, row: Row) -> None:
    """Add one row, whole or not at all: one write, at once on its way to the disk."""
    with open(path, "ab", buffering=0) as file:
        file.write(text([map(encode, row.values())]))


def arrange(path: str | Path, rows: Iterable[Row]) -> None:
    """Put the rows into this order; the old file stands until the new one is whole."""
    path = Path(path).resolve()
    content = text([COLUMNS, *(map(encode, row.values()) for row in rows)])
    if path.read_bytes() != content:
        with whole_file(path) as file:
            file.write(content)


__all__ = ["COLUMNS", "Row", "append", "arrange", "column", "key_of", "read", "resume", "row_of"]
