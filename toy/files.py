"""Files that are whole or not there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from toy.errors import FieldError


def writable(flag: str, name: str | Path) -> None:
    """FieldError naming the flag when its file cannot be written; said before an hour of training, not after."""
    path = Path(name)
    if path.exists() and not path.is_file() and not path.is_dir():
        return  # a device or a pipe, which may wait for its reader
    try:
        new = not path.exists()
        with open(path, "ab"):
            pass
    except OSError as error:
        raise FieldError(flag, "a file that can be written", str(name), error.strerror or "") from None
    if new:
        path.unlink()


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
