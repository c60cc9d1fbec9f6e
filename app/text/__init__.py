"""Every word a visitor sees, one JSON file of key -> sentence a language, in the language that is being spoken."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files

from app.text import simulator
from toy.errors import FieldError

LANGUAGES = {"en": "English", "ja": "日本語"}  # code -> its own name
_spoken: ContextVar[str] = ContextVar("language", default="en")


def language() -> str:
    """The language being spoken here: a request's, or that of the run a worker works for."""
    return _spoken.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak a language within a `with` block; KeyError for one there is no file of."""
    token = _spoken.set(_known(code))
    try:
        yield
    finally:
        _spoken.reset(token)


def words(code: str = "") -> dict[str, str]:
    """All words by key, of the language being spoken unless another is asked for; what it lacks is English."""
    return _words(_known(code or language()))


def say(key: str, /, **values: object) -> str:
    """The sentence of a key with its {placeholders} filled in."""
    return words()[key].format(**values)


def translated(kind: str, english: str) -> str:
    """A sentence the simulator wrote, found among the English ones whose keys begin with `kind`; else as it is."""
    found = simulator.match(kind, english, words("en"))
    return words()[found[0]].format(**found[1]) if found else english


def told(error: FieldError) -> tuple[str, str]:
    """(message, allowed) of a refusal. The message holds its advice, and where it is not English the control's name."""
    allowed, advice = translated("allowed", error.allowed), translated("advice", error.advice)
    name = error.named if language() == "en" else words().get(f"field.{error.field}", error.named)
    message = say("error.must", field=name, allowed=allowed, got=error.shown)
    return message + (say("error.advice", advice=advice) if advice else ""), allowed


def written(code: str) -> dict[str, str]:
    """What the file of a language holds."""
    return json.loads(files(__package__).joinpath(f"{_known(code)}.json").read_text(encoding="utf-8"))


@cache
def _words(code: str) -> dict[str, str]:
    return {**simulator.own(), **written("en"), **written(code)}


def _known(code: str) -> str:
    if code not in LANGUAGES:
        raise KeyError(f"language must be one of {list(LANGUAGES)}, got {code!r}")
    return code
