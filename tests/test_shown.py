"""What a link of the page shows, and the single file of it."""

import asyncio
import html
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest

from app.callbacks import opened
from app.controls import fields, said
from app.lessons import LESSONS, script
from app.pick import spaced
from app.shown import LAST, Shown, read
from app.sight import Look
from app.single import Single, single
from app.stream import Runs
from toy import FieldError
from toy.link import branch, build, change, parse, query

TINY = {"points_per_side": 3, "codimension": 3, "hidden_layers": 1, "width": 8, "steps": 20, "resolution": 24}
HERE = build("dimpled-sheet", TINY)


def test_a_link_and_what_it_shows_turn_into_each_other():
    shown = Shown(HERE, change(HERE, {"seed": 3}), Look(arrows="split", cut="1"), 12, (1.2, -1, 0.5), "ja",
                  ("codimension", 2))
    assert read(shown.query) == read(f"http://127.0.0.1:8050/?{shown.query}#here") == shown
    assert read(query(HERE)) == Shown(HERE)
    old = replace(HERE, world=HERE.world.replace(optimizer="adamw"), knobs=HERE.knobs.replace(weight_decay=0.1))
    assert read(urlencode({"exhibit": "dimpled-sheet", **TINY, "weight_decay": 0.1})).setup == old  # version 1


def test_a_lesson_by_its_name_is_its_own_run_looks_and_step():
    shown = read("?lesson=codimension.4&lang=ja")
    assert shown.setup == build("codimension", {"codimension": 300}) and shown.beside is None
    assert shown.look.arrows == "split" and shown.step == LAST and shown.lang == "ja"
    assert read("?lesson=codimension.2").beside == build("codimension", {"codimension": 1})
    assert read("lesson=dimpled-sheet.2").step == "t_cling" and read("lesson=dimpled-sheet.1").step == 0
    for exhibit, steps in LESSONS.items():
        for number in range(1, len(steps) + 1):
            link = script()[exhibit][number - 1]["link"]  # as the controls say it: the file finds its runs by it
            assert query(read(f"lesson={exhibit}.{number}").setup) == link


@pytest.mark.parametrize("part, field", [
    ("exhibit=nothing", "exhibit"), ("codimension=many", "codimension"), ("step=-1", "step"), ("step=ten", "step"),
    ("camera=1,2", "camera"), ("camera=nan,0,0", "camera"), ("lang=xx", "lang"), ("arrows=curly", "arrows"),
    ("lesson=dimpled-sheet.9", "lesson"), ("lesson=nothing.1", "lesson"), ("with=" + quote("width=no"), "with.width"),
    ("v=99", "v"), ("camera=0,0,0", "camera"), ("widht=8", "widht"), ("with=garbage", "with.garbage"),
])
def test_a_wrong_part_of_a_link_is_named(part, field):
    with pytest.raises(FieldError) as caught:
        read(f"https://somewhere/?{part}")
    assert caught.value.field == field


def test_a_misspelled_field_is_told_from_the_one_that_was_meant():
    with pytest.raises(FieldError, match=r"widht must be left out.*, got '8' \(did you mean width\?\)"):
        read("exhibit=wall&widht=8")


@pytest.mark.parametrize("search, run, without", [
    ("?exhibit=wall&seed=2&step=7&camera=1,2,1", {"seed": 2}, []),
    ("?exhibit=wall&seed=2&step=abc&camera=0,0,0&lang=xx", {"seed": 2}, ["step", "camera", "lang"]),
    ("?exhibit=wall&seed=2&widht=8&lesson=bogus.9&with=garbage&cut=2", {"seed": 2}, ["widht", "lesson", "with", "cut"]),
    ("?exhibit=wall&seed=2.5&step=7", {}, []),
])
def test_a_link_to_the_page_is_followed_as_far_as_it_can_be_and_says_what_is_left_out(search, run, without):
    setup, message = opened(search)
    assert setup == build("wall", run) and sorted(message["without"]) == sorted(without)
    names = [*without, *({"seed"} - {*run})]
    assert all(f"{name} must be" in message["said"] or f"{name}." in message["said"] for name in names)
    assert bool(message["said"]) == bool(names)


@pytest.mark.parametrize("search", [
    "?exhibit=no&lang=xx", "?v=99", "?from.from=2&exhibit=wall", "?=", "?with=%26&from.=1"])
def test_any_link_to_the_page_opens_something_and_says_why_not_itself(search):
    setup, message = opened(search)
    assert setup.exhibit in ("dimpled-sheet", "wall") and message["said"]


def test_all_controls_that_are_wrong_by_themselves_are_told_and_combinations_after_them():
    values = fields(HERE)
    errors, link = said({**values, "width": "2.5", "learning_rate": "fast", "batch_size": "99"}, "dimpled-sheet", None)
    assert sorted(errors) == ["learning_rate", "width"] and not link and "got 2.5" in errors["width"]
    assert [*said({**values, "batch_size": "99"}, "dimpled-sheet", None)[0]] == ["batch_size"]
    assert said({**values, "learning_rate": "1e-4", "width": "1e2"}, "dimpled-sheet", None) == (
        {}, query(change(HERE, {"learning_rate": 1e-4, "width": 100})))
    assert parse(said(values, "dimpled-sheet", None)[1]) == HERE


def made(shown: Shown, frames: int = 3) -> tuple[Single, str]:
    async def make() -> tuple[Single, str]:
        runs = Runs()
        try:
            one = await single(runs, shown, lambda last: spaced(last, frames))
            return one, "".join([part async for part in one.parts(runs)])
        finally:
            runs.close()

    return asyncio.run(make())


def test_the_file_carries_both_runs_at_steps_of_as_many_updates():
    child = branch(HERE, 8)
    file, text = made(Shown(child, HERE, step=5))
    first, second = file.runs
    assert first.steps == sorted({*spaced(20, 3), 5}) and file.step == 5 and file.steps == spaced(20, 3)
    assert second.steps == sorted({min(20, step + 8) for step in first.steps})
    assert file.lines == text.count("\n")
    for at, run in enumerate(file.runs):
        assert all(f"DIMPLE_RECORDED.runs[{at}].frames[{step}]=" in text for step in run.steps)
        assert parse(run.link) == run.setup
    assert html.escape(f"?{query(child)}&step=5&with=") in text


def test_a_file_ends_where_its_run_stopped_early():
    file, _ = made(Shown(change(HERE, {"stop_accuracy": 0.6, "learning_rate": 0.05})))
    last = file.runs[0].told("ready")["last_step"]
    assert file.runs[0].steps == spaced(last, 3) and 0 < last < file.runs[0].setup.knobs.steps and file.step == last
    assert "step=" not in file.shown.query.replace("steps=", "")  # so that it plays when it is opened
