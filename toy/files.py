"""Files that are whole or not there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: str | Path) -> Iterator[IO[bytes]]:
    """A file to write that takes its name once it is whole: if writing fails, what had the name before stands."""
    path = Path(path).resolve()
    if path.exists() and not path.is_file():  # a device, which no file should replace
        with open(path, "wb") as file:
            yield file
        return
    new = path.with_name(path.name + ".new")
    try:
        with open(new, "wb") as file:
            yield file
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
