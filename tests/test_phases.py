"""Phases on series made by hand: each condition fails alone, and is named."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toy.phases import FALL, bands, first_for_good, phases

STEPS = list(range(0, 101, 10))
CLING = [0.4, 0.3, 0.15, 0.1, 0.08, 0.06, 0.05, 0.05, 0.05, 0.05, 0.05]  # below half of .4 from step 20
DIMPLE = [0, 0, 0, 0.01, 0.03, 0.06, 0.08, 0.1, 0.1, 0.1, 0.1]  # above half of .1 from step 50
LEVEL = [0.02] * 11
ACCURACY = np.linspace(0.5, 1, 101)


def margins(right_from):
    """Margins of 101 steps, positive from a step on."""
    return np.where(np.arange(101) >= right_from, 0.1, -0.1)


def found(offset=CLING, bulge=DIMPLE, level=LEVEL, right_from=70, steps=STEPS, far=None):
    table = {"sheet_offset": offset, "far_sheet_offset": far or offset, "far_dimple_amplitude": bulge,
             "far_dimple_null_95": level}
    return phases(steps, {name: column for name, column in table.items() if column is not None}, ACCURACY,
                  margins(right_from))


def test_two_phases():
    got = found()
    assert (got.t_cling, got.t_dimple, got.t_all_right, got.crossover) == (20, 50, 70, 60)
    assert got.two_phases and got.failures == () and math.isclose(got.fall, 8)
    assert math.isclose(got.accuracy_at_t_cling, ACCURACY[20])


def test_clinging_and_crossing_are_read_near_and_only_the_fall_far():
    got = found(far=[4.0, *(2 * c for c in CLING[1:])])
    assert (got.t_cling, got.crossover) == (20, 60) and math.isclose(got.fall, 40)


@pytest.mark.parametrize("failures, changes", [
    (("no_clinging", "small_fall"), {"offset": [0.4] * 11}),
    (("no_clinging", "small_fall"), {"offset": [*CLING[:-1], 0.3]}),  # it comes back at the end
    (("small_fall",), {"offset": [0.4, 0.3, 0.15] + [0.11] * 8}),
    (("no_dimpling",), {"bulge": [0.0] * 11}),
    (("no_dimpling",), {"bulge": [-b for b in DIMPLE]}),  # bulges to the wrong side
    (("no_dimpling",), {"level": [0.11] * 11}),  # no more than shuffled labels give
    (("few_labellings",), {"level": None}),
    (("never_all_right",), {"right_from": 101}),
    (("wrong_order",), {"offset": [0.4] * 6 + CLING[2:7]}),
    (("wrong_order",), {"bulge": [0.1] * 11, "offset": CLING}),
    (("no_dimpling", "never_all_right"), {"bulge": None, "right_from": 101}),
    (("no_clinging", "no_dimpling", "small_fall"), {"offset": None, "bulge": None, "level": None}),  # ell = 0
], ids=str)
def test_each_failure_is_named(failures, changes):
    got = found(**changes)
    assert got.failures == failures and not got.two_phases
    assert (got.t_cling is None) == ("no_clinging" in failures) == (got.accuracy_at_t_cling is None)
    assert (got.t_dimple is None) == bool({"no_dimpling", "few_labellings"} & set(failures))
    assert (got.t_all_right is None) == ("never_all_right" in failures)


@pytest.mark.parametrize("failures, changes", [
    (("no_dimpling",), {"level": DIMPLE}),  # just what shuffled labels give
    (("no_clinging", "small_fall"), {"offset": [0.4] + [0.2] * 10}),  # just half
    (("wrong_order",), {"offset": [0.4] * 5 + CLING[2:8]}),  # both at step 50
], ids=str)
def test_equality_is_not_enough(failures, changes):
    assert found(**changes).failures == failures


def test_a_bulge_of_just_half_is_not_there_yet():
    assert found(bulge=[0, 0, 0, 0.01, 0.03, 0.05, 0.08, 0.1, 0.1, 0.1, 0.1]).t_dimple == 60


def test_the_order_says_nothing_when_one_phase_is_absent():
    assert "wrong_order" not in found(bulge=[0.0] * 11).failures


def test_the_fall_that_is_asked_for():
    just = [0.4, 0.3, 0.15] + [0.4 / FALL] * 8
    assert found(offset=just).two_phases and found(offset=[*just[:-1], 0.1001]).failures == ("small_fall",)
    assert found(offset=just, far=[0.39, *just[1:]]).failures == ("small_fall",)  # it is read further away than C
    assert found(offset=[*CLING[:-1], 0.0]).fall == math.inf and found(offset=[*CLING[:-1], 0.0]).two_phases


@pytest.mark.parametrize("at", [0, 5, 10])
@pytest.mark.parametrize("column", ["offset", "bulge", "level"])
def test_undefined_values_count_as_failing(column, at):
    values = {"offset": list(CLING), "bulge": list(DIMPLE), "level": list(LEVEL)}
    values[column][at] = math.nan
    got, whole = found(**values), found()
    if at == 5:
        later = {"offset": ("t_cling", 60), "bulge": ("t_dimple", 60), "level": ("t_dimple", 60)}[column]
        assert getattr(got, later[0]) == later[1]
    elif at == 10 or column == "offset":  # the end, or the start C is compared with
        assert not got.two_phases
    else:
        assert got == whole


def test_a_run_right_from_the_start_and_one_step_long():
    table = {"sheet_offset": [0.1], "far_sheet_offset": [0.1], "far_dimple_amplitude": [0.1],
             "far_dimple_null_95": [0.0]}
    got = phases([0], table, np.ones(1), np.ones(1))
    assert (got.t_cling, got.t_dimple, got.t_all_right) == (None, 0, 0)
    assert got.failures == ("no_clinging", "small_fall")


def test_one_class_is_named_alone():
    got = phases(STEPS, {"sheet_offset": CLING, "far_sheet_offset": CLING}, ACCURACY, margins(10), one_class=True)
    assert got.failures == ("one_class",) and got.t_cling is not None


def test_all_right_must_last():
    margin = margins(10)
    margin[80] = -0.01
    table = {"sheet_offset": CLING, "far_sheet_offset": CLING, "far_dimple_amplitude": DIMPLE,
             "far_dimple_null_95": LEVEL}
    got = phases(STEPS, table, ACCURACY, margin)
    assert got.t_all_right == 81
    margin[100] = 0.0  # on the boundary is not on the right side
    assert phases(STEPS, {}, ACCURACY, margin).t_all_right is None


@given(st.lists(st.booleans(), max_size=12))
def test_first_for_good(holds):
    steps = [3 * i for i in range(len(holds))]
    got = first_for_good(steps, np.array(holds, bool))
    lasting = [step for i, step in enumerate(steps) if all(holds[i:])]
    assert got == (lasting[0] if lasting else None)


# ---- bands


def test_bands_cover_the_time_line():
    assert bands(found(), 100) == [("clinging", 0, 20), ("dimpling", 20, 70), ("settled", 70, 100)]
    assert bands(found(right_from=101), 100) == [("clinging", 0, 20), ("dimpling", 20, 100)]
    assert bands(found(right_from=5), 100) == [("clinging", 0, 20), ("settled", 20, 100)]
    assert bands(found(offset=[0.4] * 11), 100) == []


@given(st.lists(st.floats(0, 1), min_size=2, max_size=11), st.integers(0, 12))
def test_bands_follow_each_other_without_gaps(offset, right):
    last = len(offset) - 1
    margin = np.where(np.arange(last + 1) >= right, 1.0, -1.0)
    spans = bands(phases(range(last + 1), {"sheet_offset": offset}, np.ones(last + 1), margin), last)
    if spans:
        assert spans[0][1] == 0 and spans[-1][2] == last
        assert all(a[2] == b[1] for a, b in pairwise(spans)) and all(a < b for _, a, b in spans)
