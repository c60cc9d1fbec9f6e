"""A link is the experiment: exhibit, World, Knobs and View as a query string, both ways without loss."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from toy.errors import FieldError, one_of
from toy.exhibits import EXHIBITS
from toy.world import FIELDS, Knobs, Spec, View, World, check, choices


@dataclass(frozen=True)
class Setup:
    """An exhibit's name and the world, knobs and view that depart from it."""

    exhibit: str
    world: World
    knobs: Knobs
    view: View


def number(name: str, text: str) -> int | float:
    """A number field's value from text; FieldError when it is none."""
    whole = FIELDS[name].model_fields[name].annotation is int
    try:
        value = float(text)
        return int(text) if whole and text.lstrip("+-").isdigit() else value
    except ValueError:
        raise FieldError(name, f"a {'whole ' if whole else ''}number", text) from None


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
        if name not in FIELDS:
            raise FieldError("field", one_of(FIELDS), name)
        if isinstance(value, str) and choices(name) is None:
            value = number(name, value)
        changed[FIELDS[name]][name] = value
    new = replace(setup, world=setup.world.replace(**changed[World]), knobs=setup.knobs.replace(**changed[Knobs]),
                  view=setup.view.replace(**changed[View]))
    check(new.world, new.knobs)
    return new


def parse(query: str) -> Setup:
    """The setup a query string means; keys that are no field (step, camera, ...) are not its business."""
    given = dict(parse_qsl(query.lstrip("?"), keep_blank_values=True))
    exhibit = given.pop("exhibit", next(iter(EXHIBITS)))
    return build(exhibit, {name: value for name, value in given.items() if name in FIELDS})


def query(setup: Setup) -> str:
    """The shortest query string that `parse` turns back into this setup: what departs from the exhibit."""
    base = EXHIBITS[setup.exhibit]
    departures = {
        name: value
        for spec, start in ((setup.world, base.world), (setup.knobs, base.knobs), (setup.view, base.view))
        for name, value in spec.model_dump().items()
        if value != getattr(start, name)
    }
    return urlencode({"exhibit": setup.exhibit, **departures})
