"""A link is the experiment: exhibit, World, Knobs and View as a query string, both ways without loss."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlencode

from toy.errors import FieldError, meant, one_of
from toy.exhibits import EXHIBITS
from toy.labels import FORMERLY
from toy.origin import ENDS, FREE, PREFIX, Origin, read, resolve, written
from toy.windows import check_view
from toy.world import FIELDS, Knobs, Spec, View, World, allowed_text, check, choices, is_text, step_flops


@dataclass(frozen=True)
class Setup:
    """An exhibit's name, the world, knobs and view that depart from it, and the run it comes from, if any."""

    exhibit: str
    world: World
    knobs: Knobs
    view: View
    origin: Origin | None = None

    @property
    def run(self) -> tuple[World, Knobs, Origin | None]:
        """What the recording depends on."""
        return self.world, self.knobs, self.origin

    @property
    def parent(self) -> "Setup | None":
        """The earlier run that this one begins from or takes its training set from."""
        if self.origin is None:
            return None
        world, knobs, origin = self.origin.parent(self.world, self.knobs)
        return replace(self, world=world, knobs=knobs, origin=origin)

    @property
    def line(self) -> "list[Setup]":
        """This run and those it comes from, the nearest first."""
        earlier = self.parent
        return [self, *(earlier.line if earlier else [])]


def number(name: str, text: str) -> int | float:
    """A number field's value from text; FieldError when it is none."""
    whole = FIELDS[name].model_fields[name].annotation is int
    try:
        if "_" in text or not text.isascii():  # which Python would read
            raise ValueError
        value = float(text)
        if whole and text.strip().lstrip("+-").isdigit():
            return int(text)
        return int(value) if whole and value.is_integer() else value
    except ValueError:
        advice = "with a point, not a comma" if "," in text else ""
        raise FieldError(name, allowed_text(FIELDS[name], name), text, advice) from None


def pairs(flag: str, settings: list[str]) -> dict[str, Any]:
    """FIELD=VALUE texts as a dict, the last of a field counting; FieldError names the flag."""
    for setting in settings:
        if "=" not in setting:
            raise FieldError(flag, "FIELD=VALUE", setting)
    return {field: value for field, _, value in (setting.partition("=") for setting in settings)}


def build(exhibit: str, values: dict[str, Any]) -> Setup:
    """An exhibit with some fields changed; text is read as the field's type. FieldError names what is wrong."""
    if exhibit not in EXHIBITS:
        raise FieldError("exhibit", one_of(EXHIBITS), exhibit)
    base = EXHIBITS[exhibit]
    return change(Setup(exhibit, base.world, base.knobs, base.view), values)


def change(setup: Setup, values: Mapping[str, Any]) -> Setup:
    """A setup with some fields changed; text is read as the field's type. FieldError names what is wrong."""
    changed: dict[type[Spec], dict[str, Any]] = {World: {}, Knobs: {}, View: {}}
    for name, value in values.items():
        if name.startswith(PREFIX):
            continue
        changed[_spec(name)][name] = _value(name, value)
    earlier = {name: _earlier(name, value) for name, value in values.items() if name.startswith(PREFIX)}
    world = setup.world.replace(**changed[World])
    knobs = setup.knobs.replace(**changed[Knobs])
    origin = resolve(world, read(earlier) or (setup.origin if world.derived else None))
    new = replace(setup, world=world, knobs=knobs, view=setup.view.replace(**changed[View]),
                  origin=origin.shortest(world, knobs) if origin else None)
    check_view(new.world, new.knobs, new.view)
    for run, before in pairwise(new.line):
        check(before.world, before.knobs)
        if run.origin and run.origin.step > before.knobs.steps:
            raise FieldError(PREFIX + "step", f"at most {before.knobs.steps}", run.origin.step, ENDS)
    check(new.world, new.knobs, sum(run.knobs.steps * step_flops(run.world) for run in new.line[1:]))
    return new


def wrong(values: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with each value by itself, whatever the others are."""
    found = []
    for name, value in values.items():
        try:
            _spec(name).checked(name, _value(name, value))
        except FieldError as error:
            found.append(error)
    return found


def _spec(name: str) -> type[Spec]:
    if name not in FIELDS:
        raise FieldError("field", one_of(FIELDS), name, meant(name, FIELDS))
    return FIELDS[name]


def _earlier(name: str, value: Any) -> Any:
    """The value of a field of the run that another one comes from; FieldError by its whole name."""
    field = name.rpartition(PREFIX)[2]
    if field == "step":
        return value
    if field not in FREE:
        raise FieldError(name, one_of(PREFIX + free for free in FREE), value, meant(name, (PREFIX + f for f in FREE)))
    try:
        return _value(field, value)
    except FieldError as error:
        raise FieldError(name, error.allowed, error.got, error.advice) from None


def _value(name: str, value: Any) -> Any:
    """A field's value, from text where it is a number's."""
    _spec(name)
    read_as_number = isinstance(value, str) and choices(name) is None and not is_text(name)
    return number(name, value) if read_as_number else value


def parse(query: str) -> Setup:
    """The setup a query string means; keys that are no field (step, camera, ...) are not its business.

    Links say the version they were written in (`v`, 1 when they say none); older ones go on meaning what they meant.
    """
    given: dict[str, Any] = dict(parse_qsl(query.lstrip("?"), keep_blank_values=True))
    written_in = given.pop("v", "1")
    version = int(written_in) if re.fullmatch("[0-9]{1,9}", written_in) else 0
    if not 1 <= version <= VERSION:
        newer = "this link comes from a newer Dimple Lab" if version else ""
        raise FieldError("v", f"a version from 1 to {VERSION}", written_in, newer)
    for older in range(version, VERSION):
        given = UPGRADES[older](given)
    exhibit = given.pop("exhibit", next(iter(EXHIBITS)))
    return build(exhibit, {name: value for name, value in given.items()
                           if name in FIELDS or name.startswith(PREFIX)})


def query(setup: Setup) -> str:
    """The shortest query string that `parse` turns back into this setup: what departs from the exhibit."""
    base = EXHIBITS[setup.exhibit]
    departures = {
        name: value
        for spec, start in ((setup.world, base.world), (setup.knobs, base.knobs), (setup.view, base.view))
        for name, value in spec.model_dump().items()
        if value != getattr(start, name)
    }
    return urlencode({"exhibit": setup.exhibit, **departures, **written(setup.origin), "v": VERSION})


def branch(setup: Setup, step: int) -> Setup:
    """The run that goes on from a step of another, as yet with the same knobs and regime, on the clean data.

    Raises FieldError for one branch too many, as its link would.
    """
    earlier = Origin((), step, setup.origin)
    free = {**setup.world.model_dump(), **setup.knobs.model_dump()}
    earlier = replace(earlier, changes=tuple((name, free[name]) for name in sorted(FREE)))
    world = setup.world.replace(start="branch", training_set="clean")
    return parse(query(replace(setup, world=world, origin=earlier.shortest(world, setup.knobs))))


def _decoupled_decay(given: dict[str, Any]) -> dict[str, Any]:
    """Version 1 kept weight decay out of Adam's gradient, as adamw does."""
    base = EXHIBITS.get(given.get("exhibit", next(iter(EXHIBITS))))
    adam = base is not None and given.get("optimizer", base.world.optimizer) == "adam"
    return {**given, "optimizer": "adamw"} if adam and given.get("weight_decay", "0") not in ("0", "0.0") else given


def _fine_rings(given: dict[str, Any]) -> dict[str, Any]:
    """Version 2's rings were a fifth of the box wide."""
    return {**given, "labels": FORMERLY[given["labels"]]} if given.get("labels") in FORMERLY else given


VERSION = 3
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _decoupled_decay, 2: _fine_rings}
