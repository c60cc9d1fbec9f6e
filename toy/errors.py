"""The one error every wrong input ends in: which field, what is allowed, what came."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class FieldError(ValueError):
    """A value that cannot be used.

    str(error) reads "codimension must be between 0 and 1000, got 2000"; `advice` says what to do when the
    rule alone does not. `shown` is what came and `named` the field, short enough to be read.
    """

    def __init__(self, field: str, allowed: str, got: Any, advice: str = ""):
        self.field, self.allowed, self.got, self.advice = field, allowed, got, advice
        self.shown = _short(repr(got) if isinstance(got, str) else str(got))
        self.named = _short(field)
        super().__init__(f"{self.named} must be {allowed}, got {self.shown}" + (f" ({advice})" if advice else ""))

    def __reduce__(self):
        return type(self), (self.field, self.allowed, self.got, self.advice)


def _short(text: str) -> str:
    """Both ends of a long text say most: a path ends in the file's name."""
    return text if len(text) <= 80 else text[:38] + "..." + text[-38:]


def one_of(names: Any) -> str:
    """The `allowed` text of a choice: "one of [a, b, c]"."""
    return "one of [" + ", ".join(names) + "]"


def meant(name: str, known: Iterable[str]) -> str:
    """The `advice` for a misspelled name: "did you mean width?"; "" where none is like it."""
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""
