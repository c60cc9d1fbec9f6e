"""Lessons: what they set can be set, what they ask can be measured, what they say is there in both languages."""

import math
import re

import pytest
from pydantic import ValidationError

from app.callbacks import fields
from app.lessons import LESSONS, Question, Step, Value, script, setup
from app.report import PHASES
from app.sight import LOOKS, Look
from app.text import LANGUAGES, written
from toy.exhibits import EXHIBITS
from toy.link import parse

WITHOUT = {"authors-chess", "wall", "wave"}  # worlds without an experiment of their own
STEPS = [(name, number) for name, steps in LESSONS.items() for number in range(1, len(steps) + 1)]
FLAT = {"accuracy", "loss", "distance_free_median", "distance_on_median"}  # measured without a normal direction too


def test_every_exhibit_has_a_lesson_of_four_to_seven_steps():
    assert set(LESSONS) == set(EXHIBITS) - WITHOUT
    assert all(4 <= len(steps) <= 7 for steps in LESSONS.values())


@pytest.mark.parametrize("name, number", STEPS)
def test_a_step_sets_what_can_be_set(name, number):
    step, sent = LESSONS[name][number - 1], script()[name][number - 1]
    wanted = setup(name, number)
    assert fields(parse(sent["link"])) == fields(wanted) and parse(sent["link"]).run == wanted.run
    Look(**sent["look"])
    assert set(step.look) <= set(LOOKS)
    assert step.go in (*PHASES, "last", "play") or 0 <= step.go <= wanted.knobs.steps
    assert step.beside is None or step.beside < number
    assert step.camera == sent["camera"] and (step.camera is None or 1 < math.hypot(*step.camera) < 4)
    for value in filter(None, (step.ask.value, step.ask.over)):
        assert value.run is None or value.run < number
        assert setup(name, value.run or number).world.codimension or value.of in FLAT


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name, number", STEPS)
def test_a_step_has_its_words(name, number, code):
    text, key = written(code), f"lesson.{name}.{number}"
    assert text[key] and text[f"{key}.ask"]
    places = set(re.findall(r"\{(\w+)\}", text[f"{key}.answer"]))
    assert "value" in places and places <= ({"value", "a", "b"} if LESSONS[name][number - 1].ask.over else {"value"})


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_words_of_a_lesson_are_left_over(code):
    said = {tuple(key.split(".")[1:3]) for key in written(code) if re.match(r"lesson\.[\w-]+\.\d", key)}
    assert said == {(name, str(number)) for name, number in STEPS}
    assert all(f"exhibit.{name}.look" in written(code) for name in EXHIBITS)


VALUE = Value(of="accuracy")


@pytest.mark.parametrize("wrong", [
    lambda: Value(of="beauty"), lambda: Value(of="chance.accuracy"), lambda: Value(of="accuracy", at="t_never"),
    lambda: Question(value=VALUE, limits=()), lambda: Question(value=VALUE, limits=(2, 1)),
    lambda: Question(value=VALUE, limits=(1, 1)), lambda: Question(value=VALUE, limits=(1, 2, 3), absent=True),
    lambda: Step(ask=Question(value=VALUE, limits=(1,)), goto=3),
])
def test_a_wrong_lesson_is_refused(wrong):
    with pytest.raises(ValidationError):
        wrong()
