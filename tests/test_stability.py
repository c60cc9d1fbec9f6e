"""Stability of the phase rule: readings that differ do differ, and departures are counted."""

import math

import pytest

from toy import simulate
from toy.link import build
from toy.phases import Phases
from toy.stability import READINGS, Reading, against, read, stability

FEW = {"points_per_side": 3, "codimension": 3, "hidden_layers": 1, "width": 8, "steps": 20}


def found(t_cling, t_dimple, failures=()):
    return Phases(t_cling, t_dimple, 100, None, 0.5, 8.0, failures)


def test_departures_by_hand():
    first = [found(7, 31), found(7, 31), found(7, None, ("no_dimpling",))]
    other = [found(7, 31), found(31, 15, ("wrong_order",)), found(None, 15, ("no_clinging",))]
    got = against("other", other, first)
    assert (got.two_phases.value, got.flips.value, got.order_flips.value) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert (got.cling.value, got.cling.used, got.furthest_cling) == (1.0, 2, 2.0)
    assert (got.dimple.value, got.dimple.used, got.furthest_dimple) == (0.5, 2, 1.0)
    none = against("none", [found(None, None, ("no_clinging",))], first[:1])
    assert math.isnan(none.furthest_cling) and math.isnan(none.dimple.value) and none.flips.value == 1


def test_a_reading_as_used_is_the_rule_as_used(hero):
    from toy import report, windows
    from toy.phases import phases
    from toy.world import View

    columns = report.table(hero, windows.normal_chart(hero, View()))
    assert read(hero, Reading()) == phases(columns["steps"], columns, hero.accuracy, hero.margin)


@pytest.mark.parametrize("name", sorted(READINGS))
def test_every_reading_reads_and_keeps_what_it_does_not_touch(hero, name):
    got, used = read(hero, READINGS[name]._replace(grid_side=9)), read(hero, Reading(grid_side=9))
    assert got.t_all_right == used.t_all_right
    reading = READINGS[name]
    if (reading.height, reading.steps) == (1.0, 72):
        assert got.t_cling == used.t_cling and got.fall == used.fall
    else:
        assert got != used


def test_stability_over_seeds():
    setup = build("dimpled-sheet", FEW)
    got = stability(setup, range(3), lambda s: simulate(s.world, s.knobs), {"a": Reading(), "b": Reading(steps=9)})
    assert [row.reading for row in got] == ["a", "b"] and got[0].flips.value == 0 and got[0].flips.total == 3
    assert got[0].furthest_cling == 0 or math.isnan(got[0].furthest_cling)
