"""What the controls say: a setup as their texts, and their texts as a link or as refusals."""

from typing import Any

from app.text import told
from toy import FieldError
from toy.link import Setup, build, query, wrong
from toy.origin import written


def typed(value: Any) -> str:
    """A field's value as its control shows it: the shortest text that means it."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def fields(setup: Setup) -> dict[str, str]:
    """All fields of a setup by name, as their controls show them."""
    values = {**setup.world.model_dump(), **setup.knobs.model_dump(), **setup.view.model_dump()}
    return {name: typed(value) for name, value in values.items()}


def spelled(setup: Setup) -> dict[str, Any]:
    """The keys of the run that a setup comes from, every free field among them: they hold while the controls change."""
    return written(setup.origin.spelled(setup.world, setup.knobs)) if setup.origin else {}


def said(given: dict[str, Any], exhibit: str, origin: dict[str, Any] | None) -> tuple[dict[str, str], str]:
    """What is wrong, by control, and the link of what the controls say, "" where something is wrong."""
    if found := wrong(given):
        return {error.field: told(error)[0] for error in found}, ""
    try:
        world = build(exhibit, given | {"start": "seed", "training_set": "clean"}).world
        derived = world.replace(**{name: given[name] for name in ("start", "training_set") if name in given}).derived
        return {}, query(build(exhibit, given | (origin or {} if derived else {})))
    except FieldError as error:
        return {error.field if error.field in given else next(iter(given)): told(error)[0]}, ""
