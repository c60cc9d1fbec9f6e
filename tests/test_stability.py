"""Stability of the phase rule: readings that differ do differ, and those that agree are counted."""

import pytest

from toy import FieldError, View, report, windows
from toy.phases import phases
from toy.stability import READINGS, Reading, agreement, read


@pytest.mark.parametrize("verdicts, share", [
    ([1.0, 1.0, 0.0, 1.0, 0.0], 0.5), ([0.0, 0.0], 1.0), ([0.0, 1.0], 0.0), ([1.0, None], None),
])
def test_agreement_is_with_the_first(verdicts, share):
    assert agreement(verdicts) == share


def test_a_reading_as_used_is_the_rule_as_used(train):
    recording = train(points_per_side=5, width=40, hidden_layers=2, steps=80, learning_rate=0.01)
    columns = report.table(recording, windows.normal_chart(recording, View()))
    assert read(recording, Reading()) == phases(columns["steps"], columns, recording.accuracy, recording.margin)


def test_no_height_is_read_beyond_the_reach_of_a_curved_manifold(train):
    recording = train(manifold="sphere", codimension=1, steps=8)
    as_used, higher, lower = (read(recording, Reading(height=height, grid_side=9)) for height in (1.0, 2.0, 0.5))
    assert higher == as_used != lower


@pytest.mark.parametrize("wrong", [{"height": -1}, {"height": 0}, {"grid_side": 1}, {"steps": 0}], ids=repr)
def test_a_reading_without_sense_is_named(train, wrong):
    with pytest.raises(FieldError) as caught:
        read(train(steps=8), Reading(**wrong))
    assert caught.value.field == next(iter(wrong))


@pytest.fixture(scope="module")
def used(hero):
    """The rule as used, on a coarse grid."""
    return read(hero, Reading(grid_side=9))


@pytest.mark.parametrize("name", sorted(READINGS))
def test_every_reading_reads_and_keeps_what_it_does_not_touch(hero, used, name):
    got = read(hero, READINGS[name]._replace(grid_side=9))
    assert got.t_all_right == used.t_all_right
    reading = READINGS[name]
    if (reading.height, reading.steps) == (1.0, 72):
        assert got.t_cling == used.t_cling and got.fall == used.fall
    else:
        assert got != used
