"""A link is the experiment: both ways without loss, and every wrong one named."""

from urllib.parse import urlencode

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from toy import FieldError, Knobs, View, World
from toy.exhibits import EXHIBITS
from toy.link import Setup, branch, build, change, number, pairs, parse, query
from toy.world import FIELDS, SPECS, bounds, choices, is_text


def value(name):
    if choices(name):
        return st.sampled_from(choices(name))
    if is_text(name):
        return st.sampled_from(["", "0.1_0.2_a~0.3_0.4_b", "0.1_a~0.5_b~0.7_a"])
    low, high = bounds(name)
    if FIELDS[name].model_fields[name].annotation is int:
        return st.integers(int(low), int(min(high, 400 if name == "steps" else high)))
    return st.floats(low, high)


@settings(max_examples=150)
@given(st.sampled_from(list(EXHIBITS)), st.data())
def test_links_lose_nothing(exhibit, data):
    values = data.draw(st.dictionaries(st.sampled_from(list(FIELDS)), st.none(), max_size=6))
    values = {name: data.draw(value(name)) for name in values}
    try:
        setup = build(exhibit, values)
    except FieldError:
        assume(False)  # a combination that cannot be
    link = query(setup)
    assert parse(link) == parse("?" + link) == setup and query(parse(link)) == link
    assert all(getattr(part, name) == v for part in (setup.world, setup.knobs, setup.view)
               for name, v in values.items() if name in type(part).model_fields)
    # The same from text, as a form or a command line gives it.
    assert build(exhibit, {name: str(v) for name, v in values.items()}) == setup


@pytest.mark.parametrize("name", EXHIBITS)
def test_an_exhibit_is_its_name(name):
    entry = EXHIBITS[name]
    assert parse(f"exhibit={name}") == Setup(name, entry.world, entry.knobs, entry.view)
    assert query(parse(f"exhibit={name}")) == f"exhibit={name}&v=3"


def test_only_departures_stand_in_a_link():
    assert query(build("dimpled-sheet", {"seed": 3})) == "exhibit=dimpled-sheet&seed=3&v=3"
    assert query(build("dimpled-sheet", {"seed": 0, "width": 100})) == "exhibit=dimpled-sheet&v=3"
    assert parse("") == parse(f"exhibit={next(iter(EXHIBITS))}")


def test_what_is_no_field_is_not_the_links_business():
    link = "exhibit=wall&step=7&camera=1,2,3&seed=2&colour=height&utm%20source=x&flag"
    assert parse(link) == build("wall", {"seed": "2"})
    assert parse("exhibit=wall&seed=1&seed=2").knobs.seed == 2  # the last counts


@pytest.mark.parametrize("text, value", [("5", 5), ("5.0", 5), ("1e1", 10), (" 7 ", 7), ("+3", 3)])
def test_whole_numbers_may_be_written_in_many_ways(text, value):
    world = build("dimpled-sheet", {"codimension": text}).world
    assert world.codimension == value and isinstance(world.codimension, int)


@pytest.mark.parametrize("name", [name for name in FIELDS if choices(name) is None and not is_text(name)])
@pytest.mark.parametrize(
    "text", ["abc", "", "nan", "inf", "-inf", "1e999", "1,5", "0x10", "--1", "²", "9" * 5000, "None", "1_0", "١"],
    ids=lambda text: repr(text[:8]))
def test_texts_that_are_no_number_are_refused(name, text):
    for refuse in (lambda: build("dimpled-sheet", {name: text}), lambda: parse(urlencode({name: text}))):
        with pytest.raises(FieldError) as caught:
            refuse()
        assert caught.value.field == name
        assert "number" in caught.value.allowed or "between" in caught.value.allowed
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize("values, field", [
    ({"nope": 1}, "field"), ({"": "1"}, "field"), ({"width": 1}, "width"), ({"manifold": "cube"}, "manifold"),
    ({"manifold": "helix", "codimension": 1}, "codimension"), ({"window": "door"}, "window"),
    ({"width": 512, "hidden_layers": 6, "points_per_side": 32, "steps": 100_000}, "steps"),
    ({"batch_size": 26}, "batch_size"), ({"seed": True}, "seed"), ({"learning_rate": None}, "learning_rate"),
], ids=str)
def test_wrong_values_are_named(values, field):
    with pytest.raises(FieldError) as caught:
        build("dimpled-sheet", values)
    assert caught.value.field == field and caught.value.allowed


@pytest.mark.parametrize("name", ["nope", "", "Dimpled-Sheet"])
def test_unknown_exhibits_are_named(name):
    with pytest.raises(FieldError) as caught:
        parse(urlencode({"exhibit": name}))
    assert caught.value.field == "exhibit" and all(known in caught.value.allowed for known in EXHIBITS)


def test_a_comma_is_named_and_a_large_number_shown_as_it_was_meant():
    with pytest.raises(FieldError, match="with a point, not a comma"):
        build("dimpled-sheet", {"learning_rate": "0,001"})
    with pytest.raises(FieldError, match=r"got 1000000000$"):
        build("dimpled-sheet", {"width": "1e9"})


@pytest.mark.parametrize("version, newer", [("99", True), ("0", False), ("", False), ("x", False)])
def test_only_a_link_of_a_higher_version_is_said_to_be_newer(version, newer):
    with pytest.raises(FieldError, match="v must be a version") as caught:
        parse(f"v={version}")
    assert ("newer" in caught.value.advice) == newer


@given(st.text(max_size=60))
def test_any_text_gives_a_setup_or_a_named_field(text):
    try:
        setup = parse(text)
    except FieldError as error:
        assert error.field in {*FIELDS, "exhibit", "v"} or error.field.startswith("from.")
    else:
        assert parse(query(setup)) == setup


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**18), 10**18))
def test_numbers_are_read_as_they_were_written(real, whole):
    assert number("offset", str(real)) == real and number("seed", str(whole)) == whole


def test_pairs_of_a_command_line():
    assert pairs("--set", ["a=1", "b=x=y", "a=2"]) == {"a": "2", "b": "x=y"}
    with pytest.raises(FieldError, match="--set must be FIELD=VALUE, got 'seed'"):
        pairs("--set", ["seed"])


def test_the_specs_share_no_field_name():
    assert sum(len(spec.model_fields) for spec in SPECS) == len(FIELDS) and (World, Knobs, View) == SPECS


# ---- versions


def test_links_of_the_first_version_mean_what_they_meant():
    old = parse("exhibit=dimpled-sheet&weight_decay=0.1")
    assert old.world.optimizer == "adamw" and old.knobs.weight_decay == 0.1
    assert parse("exhibit=dimpled-sheet&weight_decay=0.1&v=2").world.optimizer == "adam"
    assert parse("exhibit=authors-chess&weight_decay=0.1").world.optimizer == "sgd"
    assert parse("exhibit=dimpled-sheet&seed=3") == parse("exhibit=dimpled-sheet&seed=3&v=2")


def test_rings_of_older_links_stay_a_fifth_wide():
    assert [parse(f"exhibit=dimpled-sheet&labels=rings{v}").world.labels for v in ("", "&v=2", "&v=3")] \
        == ["fine-rings", "fine-rings", "rings"]


@pytest.mark.parametrize("version", ["0", "4", "x", ""])
def test_links_of_no_known_version_are_refused(version):
    with pytest.raises(FieldError, match="v must be a version from 1 to 3"):
        parse(f"exhibit=dimpled-sheet&v={version}")


# ---- branches


def test_a_branch_keeps_its_parent_whatever_it_becomes():
    first = build("dimpled-sheet", {"learning_rate": 0.002, "regime": "noise"})
    begun = branch(first, 200)
    assert begun.parent == first and begun.origin.step == 200 and parse(query(begun)) == begun
    keys = {f"from.{name}": value for name, value in begun.origin.spelled(begun.world, begun.knobs).changes}
    changed = change(begun, {"regime": "adversarial", "learning_rate": 0.01, "steps": 50, "from.step": 200, **keys})
    assert changed.parent == first and changed.knobs.steps == 50 and changed.knobs.learning_rate == 0.01
    assert parse(query(changed)) == changed
    again = branch(changed, 7)
    assert again.parent == changed and again.parent.parent == first and parse(query(again)) == again


def test_the_work_of_all_runs_of_a_chain_counts():
    third = build("dimpled-sheet", {"steps": 50_000, "points_per_side": 32})
    begun = branch(third, 200)
    with pytest.raises(FieldError, match=r"steps must be at most \d+ for .*, got 50000 \(the runs it starts from"):
        branch(begun, 200)


def test_a_ninth_branch_is_refused_where_it_is_made():
    begun = build("dimpled-sheet", {"steps": 20})
    for _ in range(8):
        begun = branch(begun, 5)
    with pytest.raises(FieldError, match="from must be at most 8 runs"):
        branch(begun, 5)


@pytest.mark.parametrize("exhibit, values, field", [
    ("wave", {"window": "slice"}, "window"), ("dimpled-sheet", {"window": "ambient"}, "window"),
    ("wave", {"half_height": 2}, "half_height"), ("dimpled-sheet", {"reference_step": 9, "steps": 8}, "reference_step"),
])
def test_a_view_that_does_not_fit_the_world_is_refused_before_training(exhibit, values, field):
    with pytest.raises(FieldError) as refused:
        build(exhibit, values)
    assert refused.value.field == field


def test_a_branch_learns_the_clean_data_whatever_its_parent_learned():
    parent = build("dimpled-sheet", {"training_set": "wrong-labels", "from.step": 3, "steps": 9})
    assert branch(parent, 5).world.training_set == "clean"


@pytest.mark.parametrize("values", [
    {"start": "branch", "from.step": 7, "from.steps": 7}, {"reference_step": 9, "steps": 9}], ids=str)
def test_the_last_step_is_a_step(values):
    assert "=7" in query(build("dimpled-sheet", values)) or "=9" in query(build("dimpled-sheet", values))


def test_no_decay_is_no_decay_however_it_is_written():
    for zero in ("0", "0.0"):
        assert parse(f"optimizer=adam&weight_decay={zero}").world.optimizer == "adam"
