"""Every field of World, Knobs and View says what it allows and refuses everything else by name."""

import json
import math
import pickle
from functools import partial

import jax
import numpy as np
import pytest
from conftest import tiny
from hypothesis import assume, given
from hypothesis import strategies as st

from toy import FieldError, Knobs, View, World
from toy.exhibits import EXHIBITS
from toy.labels import LABELS, SAMPLINGS
from toy.manifolds import MANIFOLDS
from toy.measures import MEASURES
from toy.nets import INITS, NETS
from toy.recording import RECENT, Recording
from toy.training import OPTIMIZERS, start
from toy.windows import WINDOWS, normal_chart
from toy.world import (
    FIELDS,
    OPTIMIZER_SLOTS,
    REPLAY_FLOPS,
    SPECS,
    WINDOW_NAMES,
    allowed_text,
    bounds,
    check,
    choices,
    is_text,
    state_bytes,
    step_flops,
    stride,
    used,
)

NUMBERS = [name for name in FIELDS if choices(name) is None and not is_text(name)]
NAMES = [name for name in FIELDS if choices(name) is not None]
LARGEST = {"points_per_side": 32, "codimension": 1000, "hidden_layers": 6, "width": 512}


def whole(name: str) -> bool:
    return FIELDS[name].model_fields[name].annotation is int


def fails(name: str, value) -> FieldError:
    with pytest.raises(FieldError) as caught:
        FIELDS[name](**{name: value})
    error = caught.value
    assert error.field == name
    assert str(error).startswith(f"{name} must be {error.allowed}, got ")
    return error


# ---- metadata


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_documents_itself(name):
    spec = FIELDS[name]
    field = spec.model_fields[name]
    extra = field.json_schema_extra
    assert field.description and field.description[0].isupper() and field.description.endswith(".")
    assert "\n" not in field.description and len(field.description) < 100
    assert extra["group"] in {"world", "net", "training", "view"} and isinstance(extra["unit"], str)
    if choices(name):
        assert field.default in choices(name)
    elif is_text(name):
        assert field.default == ""
    else:
        low, high = bounds(name)
        assert low <= field.default <= high and extra["scale"] in {"log", "linear"}


def test_names_come_from_the_maps():
    maps = {"manifold": MANIFOLDS, "labels": LABELS, "sampling": {**SAMPLINGS, "own": None}, "activation": NETS,
            "init": INITS, "optimizer": OPTIMIZERS, "window": {"auto": None, **WINDOWS}}
    for name, entries in maps.items():
        assert choices(name) == tuple(entries)
    assert set(OPTIMIZER_SLOTS) == set(OPTIMIZERS) and set(WINDOW_NAMES) == {"auto", *WINDOWS}
    assert choices("width") is None and len(FIELDS) == sum(len(spec.model_fields) for spec in SPECS)


@pytest.mark.parametrize(
    "entries", [MANIFOLDS, LABELS, SAMPLINGS, NETS, INITS, OPTIMIZERS, WINDOWS, MEASURES, EXHIBITS])
def test_map_names_can_stand_in_a_link(entries):
    assert entries and all(name == name.strip().lower() and name.isascii() and " " not in name for name in entries)


@pytest.mark.parametrize("name", [name for name in FIELDS if used(name)])
def test_a_field_counts_where_it_is_said_to_be_used_and_nowhere_else(name):
    other = {"points_per_side": 4, "labels": "half-space", "reference_step": 2}.get(name, 0.3)
    [(field, values)] = used(name).items()
    for value in choices(field):
        needs = {"five-point": {"manifold": "line"}, "own": {"points": "0.1_0.1_a~0.2_0.3_b"}}.get(value, {})
        before, after = (_shown(**needs, **{field: value}, **change) for change in ({}, {name: other}))
        same = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        assert same == (value not in values), value


def _shown(**values):
    """A run's weights, labels and the direction that is shown."""
    world, knobs = tiny(steps=5, **{name: value for name, value in values.items() if FIELDS[name] is not View})
    recording = Recording(world, knobs)
    for _ in recording.chunks():
        pass
    view = View(**{name: value for name, value in values.items() if FIELDS[name] is View})
    return [*jax.tree.leaves(recording.params(5)), recording.data.y, normal_chart(recording, view).basis]


# ---- every wrong value


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_outside_their_range_are_refused(name):
    low, high = bounds(name)
    step = 1 if whole(name) else 1e-6
    for bad in (low - step, high + step, -1e30, 1e30, 10**400):
        error = fails(name, bad)
        assert f"{low:.10g}" in error.allowed and f"{high:.10g}" in error.allowed and error.got == bad
    for good in (low, high):
        try:
            assert getattr(FIELDS[name](**{name: good}), name) == good
        except FieldError as error:  # alone in range, but not beside the other fields' defaults
            assert name in {"codimension", "batch_size"} and error.allowed != allowed_text(FIELDS[name], name)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "bad", [math.nan, math.inf, -math.inf, None, "x", "", "1", [1], {}, True, np.bool_(1), 1j, np.ones(2)], ids=repr)
def test_what_is_no_number_is_refused(name, bad):
    assert "between" in fails(name, bad).allowed


@pytest.mark.parametrize("name", [name for name in NUMBERS if whole(name)])
def test_whole_fields_refuse_fractions_and_take_whole_floats(name):
    low, _ = bounds(name)
    assert "whole" in fails(name, low + 0.5).allowed
    value = float(max(low, 2))
    assert isinstance(getattr(FIELDS[name](**{name: value}), name), int)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", ["cube", "", 3, None, math.nan, True, ["plane"], np.array(["a", "b"])], ids=repr)
def test_unknown_names_are_refused(name, bad):
    error = fails(name, bad)
    assert all(choice in error.allowed for choice in choices(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_allowed_somewhere(name):
    for choice in choices(name):
        needs = {"five-point": {"manifold": "line"}, "own": {"points": "0.1_0.1_a~0.2_0.2_b"}}
        extra = needs.get(choice, {})
        assert getattr(FIELDS[name](**{name: choice}, **extra), name) == choice


@pytest.mark.parametrize("spec", SPECS)
def test_unknown_fields_are_refused(spec):
    with pytest.raises(FieldError) as caught:
        spec(colour=3)
    assert caught.value.field == "colour" and next(iter(spec.model_fields)) in str(caught.value)


@pytest.mark.parametrize("field, values, allowed", [
    ("codimension", {"codimension": 0, "manifold": "wave"}, "at least 1"),
    ("codimension", {"codimension": 1, "manifold": "helix"}, "at least 2"),
    ("codimension", {"codimension": 0, "manifold": "line"}, "at least 1"),
    ("sampling", {"sampling": "five-point", "manifold": "plane"}, "'grid' or 'random'"),
    ("batch_size", {"batch_size": 26}, "at most the number of points, 25"),
    ("batch_size", {"batch_size": 6, "sampling": "five-point", "manifold": "line"}, "at most the number of points, 5"),
])
def test_combinations_that_cannot_be_are_refused(field, values, allowed):
    with pytest.raises(FieldError) as caught:
        World(**values)
    assert caught.value.field == field and allowed in caught.value.allowed and repr(values[field]) in str(caught.value)


@pytest.mark.parametrize("manifold", MANIFOLDS)
def test_every_manifold_has_a_smallest_and_a_largest_world(manifold):
    shape = MANIFOLDS[manifold]
    least = max(shape.e - shape.k, 2 - shape.k, 0)
    assert World(manifold=manifold, codimension=least).n == shape.k + least >= 2
    assert World(manifold=manifold, codimension=1000).n == shape.k + 1000
    if least:
        with pytest.raises(FieldError, match="codimension must be at least"):
            World(manifold=manifold, codimension=least - 1)


def test_the_error_itself():
    error = FieldError("codimension", "between 0 and 1000", 2000, "use fewer")
    assert str(error) == "codimension must be between 0 and 1000, got 2000 (use fewer)"
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.field, copy.allowed, copy.got, copy.advice, str(copy)) == (
        "codimension", "between 0 and 1000", 2000, "use fewer", str(error))
    assert str(FieldError("manifold", "one of [a]", "cube")) == "manifold must be one of [a], got 'cube'"
    assert len(str(FieldError("a", "b", "x" * 10_000))) < 120


# ---- values


def number(name: str):
    low, high = bounds(name)
    return st.integers(int(low), int(high)) if whole(name) else st.floats(low, high)


def values(spec):
    return st.fixed_dictionaries({}, optional={
        name: st.sampled_from(choices(name)) if choices(name) else st.just("") if is_text(name) else number(name)
        for name in spec.model_fields})


@pytest.mark.parametrize("spec", SPECS)
@given(data=st.data())
def test_json_round_trip_loses_nothing(spec, data):
    try:
        there = spec(**data.draw(values(spec)))
    except FieldError:
        assume(False)
    for back in (spec.model_validate_json(there.model_dump_json()), spec(**json.loads(json.dumps(there.model_dump()))),
                 pickle.loads(pickle.dumps(there)), there.replace()):
        assert back == there and hash(back) == hash(there)
        assert [type(v) for v in back.model_dump().values()] == [type(v) for v in there.model_dump().values()]


@pytest.mark.parametrize("text, field", [
    ('{"width": 9999}', "width"), ('{"wdth": 9}', "wdth"), ('{"manifold": true}', "manifold"), ("[]", "json"),
    ("{", "json"), ("", "json"), ("null", "json"),
])
def test_json_that_is_no_world_is_refused_by_name(text, field):
    with pytest.raises(FieldError) as caught:
        World.model_validate_json(text)
    assert caught.value.field == field


@pytest.mark.parametrize("points", ["zzz", "0.1_a~", "0.1_c", "..._a", "0.1_0.2_0.3_a", "0.1a"])
def test_points_that_wait_to_be_used_are_still_points(points):
    with pytest.raises(FieldError, match="points must be"):
        World(points=points)
    assert World(points="0.1_0.2_a~9_-1e-3_b").sampling == "grid"  # perhaps of another manifold


@pytest.mark.parametrize("spec", SPECS)
def test_specs_cannot_be_changed_in_place(spec):
    name, field = next(iter(spec.model_fields.items()))
    with pytest.raises(ValueError):
        setattr(spec(), name, field.default)


def test_replace_validates():
    assert World().replace(width=7).width == 7
    with pytest.raises(FieldError, match="width"):
        World().replace(width=1)
    with pytest.raises(FieldError, match="codimension"):
        World(codimension=1).replace(manifold="helix")


def test_pydantics_own_copy_validates_too():
    assert World().model_copy(update={"width": 7}) == World(width=7) and World(width=7).model_copy() == World(width=7)
    with pytest.raises(FieldError, match="width"):
        World().model_copy(update={"width": 1})


def test_knobs_are_a_pytree_of_all_their_fields():
    knobs = Knobs(learning_rate=0.5, seed=7)
    leaves, tree = jax.tree.flatten(knobs)
    assert leaves == list(knobs.model_dump().values())
    assert jax.tree.unflatten(tree, leaves) == knobs
    doubled = jax.jit(lambda k: jax.tree.map(lambda v: v * 2, k))(knobs)
    assert float(doubled.learning_rate) == 1.0 and int(doubled.seed) == 14


def test_sizes():
    world = World(manifold="torus", points_per_side=7, codimension=4)
    assert (world.k, world.n, world.point_count) == (2, 6, 49)
    assert World(manifold="line", sampling="five-point", points_per_side=30).point_count == 5


# ---- limits


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_state_bytes_are_those_of_the_state(optimizer):
    world, knobs = tiny(optimizer=optimizer)
    state, _ = jax.eval_shape(partial(start, world), knobs)
    real = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    assert 0 <= real - state_bytes(world) <= 8  # the step's own counters


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("change", [
    {}, {"points_per_side": 2}, {"width": 2, "codimension": 1}, {"hidden_layers": 1}, {"width": 100}, {"batch_size": 8},
], ids=str)
def test_the_largest_allowed_run_fits_its_memory_and_seeks_fast(optimizer, change):
    world = World(**{**LARGEST, "optimizer": optimizer, **change})
    most = most_steps(world)
    check(world, Knobs(steps=most))
    every = stride(world, most)
    # Checkpoints 0, every, 2 every, ... before the end; states kept while playing; the data twice; three scalars.
    held = (math.ceil(most / every) + RECENT + 1) * (state_bytes(world) + 8)
    assert held + 2 * 4 * world.point_count * (world.n + world.k + 1) + 12 * (most + 1) <= 200e6
    assert every * step_flops(world) <= REPLAY_FLOPS


def most_steps(world: World) -> int:
    """The largest number of steps `check` allows, from its own message."""
    try:
        check(world, Knobs(steps=100_000))
        return 100_000
    except FieldError as error:
        assert error.field == "steps" and error.advice
        return int(error.allowed.split()[2])


def test_runs_beyond_the_limit_are_refused_before_training():
    world = World(**LARGEST)
    most = most_steps(world)
    assert 1 < most < 100_000
    with pytest.raises(FieldError, match=f"steps must be at most {most} "):
        check(world, Knobs(steps=most + 1))
    with pytest.raises(FieldError, match="steps"):
        Recording(world, Knobs(steps=100_000))


@pytest.mark.parametrize("name", EXHIBITS)
def test_every_exhibit_is_allowed(name):
    exhibit = EXHIBITS[name]
    check(exhibit.world, exhibit.knobs)
    assert exhibit.name == name and isinstance(exhibit.view, View)
