"""Charts, frames, normals, reaches: against finite differences and closed forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toy.manifolds import MANIFOLDS, focal, jacobian, point, safe_height, tangent, unit_normal

HYPERSURFACES = [name for name, m in MANIFOLDS.items() if m.e == m.k + 1]
CURVED = [name for name, m in MANIFOLDS.items() if not m.flat]
EXTENTS = {"line": 1, "sine": 1, "circle": 1, "helix": 1, "plane": 1, "wave": 1, "paraboloid": 1, "sphere": 1,
           "torus": 1.16}
FOCAL = {"line": math.inf, "plane": math.inf, "circle": 0.5, "sphere": 0.5, "torus": 0.18, "paraboloid": 1.0,
         "sine": 1 / (0.15 * (2 * math.pi) ** 2), "helix": (0.3**2 + (0.25 / math.pi) ** 2) / 0.3,
         "wave": 1 / (0.08 * (2 * math.pi) ** 2)}


@pytest.fixture(params=MANIFOLDS)
def manifold(request):
    return MANIFOLDS[request.param]


def inside(manifold, count, rng):
    """Random parameters, float32."""
    return rng.uniform(*np.array(manifold.domain).T, (count, manifold.k)).astype(np.float32)


def dense(manifold, side):
    axes = [np.linspace(low, high, side, endpoint=not period)
            for (low, high), period in zip(manifold.domain, manifold.period)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, manifold.k).astype(np.float32)


def test_entries_are_consistent(manifold):
    assert MANIFOLDS[manifold.name] is manifold
    assert 1 <= manifold.k <= 2 and manifold.k <= manifold.e <= 3
    assert len(manifold.domain) == len(manifold.period) == manifold.k
    assert all(low < high for low, high in manifold.domain)
    assert manifold.embed(jnp.zeros(manifold.k)).shape == (manifold.e,)
    assert manifold.embed.__doc__ and "phi(u) =" in manifold.embed.__doc__
    assert manifold.flat == (manifold.e == manifold.k)


@pytest.mark.parametrize("extra", [1, 1000])
def test_points_stand_at_the_offset_and_nowhere_else(manifold, extra, rng):
    u, n = inside(manifold, 4, rng), manifold.e + extra
    x = np.asarray(point(manifold, n, 0.25, u))
    assert x.shape == (4, n)
    assert np.allclose(x[:, : manifold.e], jax.jit(jax.vmap(manifold.embed))(u), atol=1e-6)
    assert (x[:, manifold.e : manifold.e + 1] == 0.25).all() and (x[:, manifold.e + 1 :] == 0).all()


@pytest.mark.parametrize("extra", [0, 1000])
def test_tangent_frames_are_orthonormal_and_span_the_jacobian(manifold, extra, rng):
    u, n = inside(manifold, 16, rng), manifold.e + extra
    q, d = np.asarray(tangent(manifold, n, u), float), np.asarray(jacobian(manifold, n, u), float)
    assert q.shape == d.shape == (16, n, manifold.k)
    assert np.allclose(q.swapaxes(1, 2) @ q, np.eye(manifold.k), atol=2e-6)
    assert np.allclose(q @ (q.swapaxes(1, 2) @ d), d, atol=2e-5 * np.abs(d).max())
    assert (q[:, manifold.e :] == 0).all()


def test_jacobians_equal_finite_differences(manifold, rng):
    with jax.enable_x64(True):
        u, step, n = inside(manifold, 16, rng).astype(np.float64), 1e-6, manifold.e + 2
        found = np.asarray(jacobian(manifold, n, jnp.asarray(u)))
        ahead, behind = (
            np.stack([np.asarray(point(manifold, n, 0.5, jnp.asarray(u + sign * step * axis)))
                      for axis in np.eye(manifold.k)], -1) for sign in (1, -1))
    assert found.dtype == np.float64
    assert np.allclose(found, (ahead - behind) / (2 * step), atol=1e-7)
    assert np.linalg.matrix_rank(found).min() == manifold.k  # an immersion: no cusp, no pole


@pytest.mark.parametrize("name", HYPERSURFACES)
def test_unit_normals_are_unit_orthogonal_and_smooth(name):
    manifold = MANIFOLDS[name]
    side = 400 if manifold.k == 1 else 60
    u = dense(manifold, side)
    normal, frame = np.asarray(unit_normal(manifold, u)), np.asarray(tangent(manifold, manifold.e, u))
    assert np.allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    assert np.allclose(np.einsum("me,mek->mk", normal, frame), 0, atol=2e-5)
    normal = normal.reshape((side,) * manifold.k + (manifold.e,))
    for axis in range(manifold.k):  # no flip of side between neighbours, nor across a seam
        ahead = np.roll(normal, -1, axis) if manifold.period[axis] else np.delete(normal, 0, axis)
        here = normal if manifold.period[axis] else np.delete(normal, -1, axis)
        assert ((here * ahead).sum(-1) > 0.9).all()


@pytest.mark.parametrize("name", [name for name in MANIFOLDS if name not in HYPERSURFACES])
def test_only_hypersurfaces_have_a_unit_normal(name):
    with pytest.raises(ValueError, match=name):
        unit_normal(MANIFOLDS[name], jnp.zeros((1, MANIFOLDS[name].k)))


def test_periods_close(manifold, rng):
    u = inside(manifold, 8, rng)
    for axis, period in enumerate(manifold.period):
        if period:
            there = point(manifold, manifold.e, 0.0, u + period * np.eye(manifold.k, dtype=np.float32)[axis])
            assert np.allclose(there, point(manifold, manifold.e, 0.0, u), atol=1e-5)
            low, high = manifold.domain[axis]
            assert math.isclose(high - low, period)
        else:
            low, high = np.array(manifold.domain).T
            ends = np.stack([low, low]).astype(np.float32)
            ends[1, axis] = high[axis]
            a, b = point(manifold, manifold.e, 0.0, ends)
            assert not np.allclose(a, b, atol=1e-3)


@pytest.mark.parametrize("name", EXTENTS)
def test_known_extents(name):
    assert math.isclose(MANIFOLDS[name].extent, EXTENTS[name], rel_tol=1e-3)


@pytest.mark.parametrize("name", FOCAL)
def test_known_radii_of_curvature(name):
    assert math.isclose(focal(MANIFOLDS[name]), FOCAL[name], rel_tol=4e-3)


def reach(manifold) -> float:
    """Federer's formula, min |q - p|^2 / (2 d(q - p, T_p M)), over a dense grid: from above."""
    side = 1600 if manifold.k == 1 else 45
    u = dense(manifold, side)
    x = np.asarray(point(manifold, manifold.e, 0.0, u), float)
    frame = np.asarray(tangent(manifold, manifold.e, u), float)
    least = math.inf
    for p, q in zip(x, frame):
        way = x - p
        off = np.linalg.norm(way - (way @ q) @ q.T, axis=1)
        far = off > 1e-4
        least = min(least, float((np.sum(way**2, 1)[far] / (2 * off[far])).min(initial=math.inf)))
    return least


def test_declared_reaches_and_safe_heights_stay_below_the_real_ones(manifold):
    real = reach(manifold)
    if manifold.reach is not None:
        assert manifold.reach <= real * 1.01
    height = safe_height(manifold)
    assert 0 < height <= 0.5 * manifold.extent + 1e-6
    assert height < real


@pytest.mark.parametrize("name, value", [("circle", 0.5), ("sphere", 0.5), ("torus", 0.18), ("paraboloid", 1.0)])
def test_known_reaches(name, value):
    assert MANIFOLDS[name].reach == value
    assert math.isclose(reach(MANIFOLDS[name]), value, rel_tol=0.02)


def test_the_foot_of_a_point_within_the_safe_height_is_its_own(manifold, rng):
    u, grid = inside(manifold, 40, rng), dense(manifold, 1500 if manifold.k == 1 else 120)
    n = manifold.e + 1
    frame = np.asarray(tangent(manifold, n, u), float)
    v = rng.normal(size=(40, n))
    v -= np.einsum("mnk,mk->mn", frame, np.einsum("mnk,mn->mk", frame, v))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    x = np.asarray(point(manifold, n, 0.0, u), float)
    others = np.asarray(point(manifold, n, 0.0, grid), float)
    height = safe_height(manifold)
    nearest = np.linalg.norm((x + height * v)[:, None] - others, axis=2).min(1)
    assert (nearest > height * (1 - 1e-3)).all()
