"""Every word a visitor sees, one JSON file of key -> sentence a language."""

import json
from functools import cache
from importlib.resources import files

LANGUAGES = ("en",)


@cache
def words(language: str = "en") -> dict[str, str]:
    """All words of a language, by key; KeyError for a language there is no file of."""
    if language not in LANGUAGES:
        raise KeyError(f"language must be one of {LANGUAGES}, got {language!r}")
    return json.loads(files(__package__).joinpath(f"{language}.json").read_text(encoding="utf-8"))


def say(key: str, language: str = "en", **values: object) -> str:
    """The sentence of a key with its {placeholders} filled in."""
    return words(language)[key].format(**values)
