"""Stability of the phase rule: readings that differ do differ, and those that agree are counted."""

import pytest

from toy.stability import READINGS, Reading, agreement, read


@pytest.mark.parametrize("verdicts, share", [
    ([1.0, 1.0, 0.0, 1.0, 0.0], 0.5), ([0.0, 0.0], 1.0), ([0.0, 1.0], 0.0), ([1.0, None], None),
])
def test_agreement_is_with_the_first(verdicts, share):
    assert agreement(verdicts) == share


def test_a_reading_as_used_is_the_rule_as_used(hero):
    from toy import report, windows
    from toy.phases import phases
    from toy.world import View

    columns = report.table(hero, windows.normal_chart(hero, View()))
    assert read(hero, Reading()) == phases(columns["steps"], columns, hero.accuracy, hero.margin)


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
