"""What a link of the page shows: one run or two, in which way drawn, from where, at which step, with which lesson."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from app import lessons
from app.sight import LOOKS, Look
from app.text import LANGUAGES
from toy.errors import FieldError, meant, one_of
from toy.link import Setup, parse, query
from toy.origin import PREFIX
from toy.world import FIELDS

LAST = "last"
RUN = ("exhibit", "v", *FIELDS)  # what of a link says which run, beside what begins with PREFIX
VIEWED = ("step", "camera", "with", "lang", "lesson", *LOOKS)  # and how it is seen
NEAREST = 0.01  # the eye's distance from the middle: nearer, it looks nowhere


@dataclass(frozen=True)
class Shown:
    """A run, or two beside each other, as a link says; page, server and command line make files of this.

    step: of the time line, the name of a phase, or LAST; camera: x, y, z of its eye, () for the scene's own; lang: a
    language, "" for the one being spoken; lesson: exhibit and number of the card beside the picture.
    """

    setup: Setup
    beside: Setup | None = None
    look: Look = field(default_factory=Look)
    step: int | str = LAST
    camera: tuple[float, ...] = ()
    lang: str = ""
    lesson: tuple[str, int] | None = None

    @property
    def setups(self) -> list[Setup]:
        """The runs that are seen, first the one whose time line it is."""
        return [self.setup, *([self.beside] if self.beside else [])]

    @property
    def query(self) -> str:
        """The query string that `read` turns back into this."""
        usual = Look()
        own: dict[str, Any] = {name: getattr(self.look, name) for name in LOOKS
                               if getattr(self.look, name) != getattr(usual, name)}
        own |= {"step": self.step} if isinstance(self.step, int) else {}
        own |= {"camera": ",".join(f"{value:g}" for value in self.camera)} if self.camera else {}
        own |= {"with": query(self.beside)} if self.beside else {}
        own |= {"lesson": "{}.{}".format(*self.lesson)} if self.lesson else {}
        own |= {"lang": self.lang} if self.lang else {}
        return query(self.setup) + ("&" + urlencode(own, safe=",") if own else "")


def asked(text: str) -> dict[str, str]:
    """The names and values of an address or its query, the last of a name counting."""
    return dict(parse_qsl(text[text.find("?") + 1:].partition("#")[0], keep_blank_values=True))


def read(text: str) -> Shown:
    """What an address copied from the page, or its query, shows. FieldError names what is wrong in it.

    A lesson's name alone, `lesson=dimpled-sheet.2`, means the lesson's own run, step and looks.
    """
    given = asked(text)
    known(given)
    lesson = _lesson(given.get("lesson", ""))
    if lesson and "exhibit" not in given:
        return _taught(*lesson, _lang(given))
    step, beside = given.get("step", LAST), given.get("with")
    if step != LAST and (not step.isdecimal() or len(step) > 9):
        raise FieldError("step", "a whole number from 0 on", step)
    return Shown(
        parse(urlencode(given)), _beside(beside) if beside else None,
        Look(**{name: given[name] for name in LOOKS if name in given}), step if step == LAST else int(step),
        camera("camera", given.get("camera", "")), _lang(given), lesson)


def camera(name: str, text: str) -> tuple[float, ...]:
    """The eye's place that x,y,z says; FieldError with the field's name."""
    try:
        eye = tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        eye = (0.0,)
    if text and (len(eye) != 3 or not NEAREST <= math.hypot(*eye) < 100):
        raise FieldError(name, "x,y,z of the eye, such as 1.4,-1.5,0.8", text)
    return eye


def unknown(name: str, value: str, names: Sequence[str] = (*RUN, *VIEWED)) -> FieldError:
    """What is wrong with a name that is none of these."""
    return FieldError(name, "left out: no field has this name", value, meant(name, names))


def strange(given: Mapping[str, str], names: Sequence[str] = (*RUN, *VIEWED)) -> list[str]:
    """The names that are none of these, nor of the run that another comes from."""
    return [name for name in given if name not in names and not name.startswith(PREFIX)]


def known(given: Mapping[str, str], names: Sequence[str] = (*RUN, *VIEWED)) -> None:
    """FieldError for the first name that is none of these."""
    for name in strange(given, names):
        raise unknown(name, given[name], names)


def _beside(text: str) -> Setup:
    """The other of two runs; what is wrong with it is a field of `with`."""
    try:
        known(asked(text), RUN)
        return parse(text)
    except FieldError as error:
        raise FieldError(f"with.{error.field}", error.allowed, error.got, error.advice) from None


def _lang(given: Mapping[str, str]) -> str:
    lang = given.get("lang", "")
    if lang and lang not in LANGUAGES:
        raise FieldError("lang", one_of(LANGUAGES), lang)
    return lang


def _lesson(text: str) -> tuple[str, int] | None:
    """Exhibit and number of a lesson's step."""
    if not text:
        return None
    found = re.fullmatch(r"([\w-]+)\.(\d{1,2})", text)
    if not found or not 1 <= int(found[2]) <= len(lessons.LESSONS.get(found[1], ())):
        raise FieldError("lesson", "an exhibit and the number of a step, such as dimpled-sheet.2", text)
    return found[1], int(found[2])


def _taught(exhibit: str, number: int, lang: str) -> Shown:
    """What a lesson's step shows by itself."""
    step = lessons.script()[exhibit][number - 1]
    return Shown(
        parse(step["link"]), parse(lessons.script()[exhibit][step["beside"] - 1]["link"]) if step["beside"] else None,
        Look(**step["look"]), LAST if step["go"] == "play" else step["go"], lang=lang, lesson=(exhibit, number))
