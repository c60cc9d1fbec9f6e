import numpy as np
import pytest

from toy.roots import refine

SHAPES = {
    "straight": lambda t: t - 0.3,
    "kink": lambda t: np.where(t < 0.61, 0.02 * (t - 0.6), 5 * (t - 0.61) + 2e-4),
    "cubic": lambda t: (t - 0.37) ** 3,
    "steep": lambda t: np.tanh(200 * (t - 0.83)),
    "jump": lambda t: np.where(t < 0.77, -1.0, 1.0),
    "convex": lambda t: np.exp(6 * t) - 2.0,
}
ROOTS = {"straight": 0.3, "kink": 0.6, "cubic": 0.37, "steep": 0.83, "jump": 0.77, "convex": np.log(2) / 6}


def segments(f, count=7):
    """Parallel segments of length 3 along x, all with the profile f, and the field that has it."""
    a = np.stack([np.full(count, -1.0), np.arange(count) * 1.0], axis=1)
    b = a + np.array([3.0, 0.0])
    return (lambda x: f((x[:, 0] + 1) / 3)), a, b


@pytest.mark.parametrize("name", SHAPES)
def test_refine_finds_the_root_along_the_segment(name):
    field, a, b = segments(SHAPES[name])
    x = refine(field, a, b, field(a), field(b), 1e-4)
    assert np.allclose(x[:, 0], -1 + 3 * ROOTS[name], atol=5e-3 if name == "cubic" else 6e-4)
    assert np.array_equal(x[:, 1], a[:, 1])


@pytest.mark.parametrize("name", SHAPES)
def test_spare_room_takes_fewer_calls_to_the_same_roots(name):
    field, a, b = segments(SHAPES[name])
    sizes = []

    def counted(x):
        sizes.append(len(x))
        return field(x)

    x = refine(counted, a, b, field(a), field(b), 1e-4, room=512)
    assert np.allclose(x[:, 0], -1 + 3 * ROOTS[name], atol=6e-4)
    assert len(sizes) <= 3 and max(sizes) <= 512


@pytest.mark.parametrize("name", SHAPES)
def test_both_directions_agree(name):
    field, a, b = segments(SHAPES[name])
    there, back = refine(field, a, b, field(a), field(b), 1e-6), refine(field, b, a, field(b), field(a), 1e-6)
    assert np.allclose(there, back, atol=2e-2 if name == "cubic" else 1e-5)


def test_refine_evaluates_only_what_has_not_converged():
    profile = SHAPES["kink"]
    _, a, b = segments(profile, 100)
    sizes = []

    def field(x):  # row 0 has the kink, the others are straight
        sizes.append(len(x))
        return np.where(x[:, 1] == 0, profile((x[:, 0] + 1) / 3), x[:, 0])

    fa, fb = field(a), field(b)
    sizes.clear()
    refine(field, a, b, fa, fb)
    assert sizes[0] == 100 and len(sizes) > 1 and set(sizes[1:]) == {1}


@pytest.mark.parametrize("profile", [SHAPES["jump"], lambda t: np.exp(40 * t) - 1e9, lambda t: t**31 - 1e-6])
def test_refine_bounds_the_work_on_hard_functions(profile):
    field, a, b = segments(profile, 1)
    calls = []
    x = refine(lambda z: calls.append(1) or field(z), a, b, field(a), field(b), 1e-3)
    assert len(calls) <= 3 * 10 + 3  # a bisection at least every third step; false position alone needs over 60
    x = x[0, 0] + np.array([-1, 1]) * 0.02
    assert profile((x[0] + 1) / 3) < 0 < profile((x[1] + 1) / 3)


def test_no_bracket_gives_nan_and_zero_ends_are_roots():
    a, b = np.zeros((5, 2)), np.ones((5, 2))
    fa, fb = np.array([1.0, 0.0, -1.0, np.nan, -np.inf]), np.array([2.0, 3.0, 0.0, 1.0, 1.0])
    x = refine(lambda z: z[:, 0] - 0.5, a, b, fa, fb)
    assert np.isnan(x[[0, 3, 4]]).all() and (x[1] == 0).all() and (x[2] == 1).all()


@pytest.mark.parametrize("room", [0, 512])
def test_a_hole_in_the_field_gives_nan_and_no_crash(room):
    field, a, b = segments(lambda t: np.where((t > 0.2) & (t < 0.8), np.nan, t - 0.5))
    assert np.isnan(refine(field, a, b, field(a), field(b), room=room)).all()


def test_nothing_to_do():
    assert refine(lambda z: z[:, 0], np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0)).shape == (0, 3)


def test_a_bracket_that_stays_open_to_the_last_call_still_ends():
    root = refine(lambda p: np.where(p[:, 0] < 1 / 3, -1e-9, 1.0), np.zeros((1, 1)), np.ones((1, 1)), np.array([-1e-9]),
                  np.array([1.0]), tolerance=1e-9)
    assert root == pytest.approx(1 / 3, abs=1e-6)
