from dataclasses import FrozenInstanceError
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from toy import Knobs, View, World, boundary, simulate
from toy.boundary import Curves, Mesh, area, euler, extract, length, parts, topology, volume
from toy.errors import FieldError
from toy.windows import window

LOW, HIGH = (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)
CENTRE = np.array([0.013, -0.027, 0.041])  # off the grid's symmetry


def sphere(radius=0.7, centre=CENTRE):
    return lambda z: np.linalg.norm(z - centre[: z.shape[1]], axis=1) - radius


def torus(ring=0.6, tube=0.25):
    def f(z):
        x, y, h = (z - CENTRE).T
        return np.hypot(np.hypot(x, y) - ring, h) - tube

    return f


def two(gap=0.9, radius=0.3):
    half = np.array([gap / 2, 0, 0])
    centres = [CENTRE - half, CENTRE + half]
    return lambda z: np.minimum(*(sphere(radius, c)(z) for c in centres))


def plane(z):
    return z @ np.array([0.3, -0.2, 1.0][: z.shape[1]]) - 0.05


def net(seed, inputs=3, width=60, layers=3):
    """A random ReLU net with wide first-layer biases: many folds, several sheets."""
    rng = np.random.default_rng(seed)
    sizes = [inputs] + [width] * layers + [1]
    params = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        weights = rng.normal(size=(a, b)) * (3 if i == 0 else np.sqrt(2 / a))
        params.append((jnp.asarray(weights, jnp.float32), jnp.asarray(rng.normal(size=b) * (i == 0), jnp.float32)))

    @jax.jit
    def f(z):
        for weights, bias in params[:-1]:
            z = jax.nn.relu(z @ weights + bias)
        return (z @ params[-1][0])[:, 0]

    level = jnp.median(f(rng.uniform(-1, 1, (500, inputs))))
    return lambda z: f(z) - level


SHAPES = {  # field, area, volume, parts, Euler characteristic
    "sphere": (sphere(), 4 * np.pi * 0.7**2, 4 / 3 * np.pi * 0.7**3, 1, 2),
    "torus": (torus(), 4 * np.pi**2 * 0.6 * 0.25, 2 * np.pi**2 * 0.6 * 0.25**2, 1, 0),
    "two spheres": (two(), 8 * np.pi * 0.3**2, 8 / 3 * np.pi * 0.3**3, 2, 4),
}


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_closed_shapes(name, dense):
    field, its_area, its_volume, its_parts, its_euler = SHAPES[name]
    mesh = extract(field, LOW, HIGH, 48, dense)
    assert (parts(mesh), euler(mesh)) == (its_parts, its_euler)
    assert np.isclose(area(mesh), its_area, rtol=0.01) and np.isclose(volume(mesh), its_volume, rtol=0.02)
    assert topology(field, LOW, HIGH, 48) == boundary.Topology(its_parts, its_euler, True)


@pytest.mark.parametrize("quantity", ["area", "volume"])
@pytest.mark.parametrize("name", ["sphere", "torus"])
def test_errors_are_of_second_order(name, quantity):
    field, *truth = SHAPES[name]
    measure, value = (area, truth[0]) if quantity == "area" else (volume, truth[1])
    errors = [abs(measure(extract(field, LOW, HIGH, n)) - value) for n in (25, 49, 97)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (orders > 1.7).all() and (orders < 2.3).all(), (errors, orders)


def test_circle_error_is_of_second_order():
    errors = [abs(length(extract(sphere(), LOW[:2], HIGH[:2], n)) - 2 * np.pi * 0.7) for n in (25, 49, 97)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (orders > 1.7).all() and (orders < 2.3).all(), (errors, orders)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_plane_is_exact(dim):
    shape = extract(plane, LOW[:dim], HIGH[:dim], 31)
    normal = np.array([0.3, -0.2, 1.0])
    if dim == 3:  # the plane z = g(x, y) over the square of side 2
        assert np.isclose(area(shape), 4 * np.linalg.norm(normal), rtol=1e-9)
        with pytest.raises(ValueError, match="closed"):
            volume(shape)
    else:  # the line leaves through y = +-1
        assert np.isclose(length(shape), 2 * np.hypot(0.3, 0.2) / 0.3, rtol=1e-9)
    assert (parts(shape), euler(shape)) == (1, 1)
    assert np.abs(plane(shape.vertices)).max() < 1e-12


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_vertices_of_a_net_lie_on_its_zero_set(seed, dim):
    f = net(seed, dim)
    shape = extract(f, LOW[:dim], HIGH[:dim], 40)
    cell = 2 / 39
    assert len(shape.vertices) > 50
    assert np.quantile(shape.residual, 0.99) <= 0.01 * cell
    # the same claim from reverse-mode gradients, not the module's own
    z = jnp.asarray(shape.vertices, jnp.float32)
    gradient = np.linalg.norm(np.asarray(jax.grad(lambda a: f(a).sum())(z)), axis=1)
    residual = np.abs(np.asarray(f(z))) / gradient
    assert np.quantile(residual, 0.99) <= 0.01 * cell
    assert np.median(np.abs(shape.residual - residual)) < 1e-5 * cell + 0.05 * np.median(residual)


@pytest.mark.parametrize("resolution", [24, 33, 48])
@pytest.mark.parametrize("seed", range(3))
def test_coarse_to_fine_gives_the_dense_mesh(seed, resolution):
    f = net(seed)
    fast, slow = extract(f, LOW, HIGH, resolution), extract(f, LOW, HIGH, resolution, dense=True)
    assert np.array_equal(fast.faces, slow.faces)
    assert np.allclose(fast.vertices, slow.vertices, atol=1e-4)


@pytest.fixture(scope="module")
def trained():
    recording = simulate(World(), Knobs(steps=150))
    return recording, window(recording, View())


@pytest.mark.parametrize("step", [5, 20, 150])
def test_a_trained_net_in_its_window(trained, step):
    recording, view = trained
    f = view.field(recording.params(step))
    fast, slow = (extract(f, view.low, view.high, 40, dense) for dense in (False, True))
    assert len(fast.faces) and np.array_equal(fast.faces, slow.faces)
    cell = (np.array(view.high) - view.low).min() / 39
    assert np.quantile(fast.residual, 0.99) <= 0.01 * cell


def test_coarse_to_fine_follows_a_surface_that_coarse_nodes_do_not_see():
    # A finger round one odd column of nodes grows out of a sheet, in a region where f gives no hint of it.
    column = -1 + 23 * 2 / 47

    def f(z):
        x, y, h = z.T
        return np.where((np.hypot(x - column, y - column) < 0.03) & (h < 0.7), -0.1, h + 0.6)

    fast, slow = extract(f, LOW, HIGH, 48), extract(f, LOW, HIGH, 48, dense=True)
    assert slow.vertices[:, 2].max() > 0.6
    assert np.array_equal(fast.faces, slow.faces)


def test_coarse_to_fine_finds_a_ball_between_coarse_nodes():
    middle = np.full(3, -1 + 23 * 2 / 47)
    fast, slow = (extract(sphere(0.05, middle), LOW, HIGH, 48, dense) for dense in (False, True))
    assert euler(slow) == 2 and np.array_equal(fast.faces, slow.faces)


@pytest.mark.parametrize("resolution", [24, 25])
def test_sampling_stays_in_the_window(resolution):
    def f(z):
        assert (np.abs(z) < 1 + 1e-9).all()
        return z[:, 2] - 0.9 * z[:, 0]

    box = np.array([LOW, HIGH])
    assert np.sign(boundary._sample(f, box, resolution, False)).sum() == 0


def test_a_sheet_costs_a_quarter_of_the_nodes_in_two_block_sizes():
    sizes = []

    def f(z):
        sizes.append(len(z))
        return z[:, 2] - 0.15 * np.sin(6 * z[:, 0]) * np.sin(6 * z[:, 1])

    extract(f, LOW, HIGH, 64)
    assert set(sizes) <= set(boundary.BLOCKS)
    box = np.array([LOW, HIGH])
    sizes.clear()
    boundary._sample(f, box, 64, False)
    assert sum(sizes) < 64**3 / 4


def test_ambiguous_cells_whose_vertex_lies_inside():
    rng = np.random.default_rng(0)
    waves, phases = rng.normal(size=(3, 12)) * 14, rng.uniform(0, 6, 12)

    def f(z):
        return np.sin(z @ waves + phases).sum(1)

    values = boundary._sample(f, np.array([LOW, HIGH]), 24, True)
    nodes, _ = boundary._connect(values)
    inner = (np.ceil(nodes) > np.floor(nodes)).sum(1) > 1
    mesh = extract(f, LOW, HIGH, 24)
    assert inner.any() and len(mesh.vertices) == len(nodes)
    assert mesh.residual[inner].max() < 0.01 * 2 / 23 and np.quantile(mesh.residual, 0.99) < 0.01 * 2 / 23


def test_normals_point_to_positive_logits():
    mesh = extract(sphere(), LOW, HIGH, 24)
    a, b, c = mesh.vertices[mesh.faces].swapaxes(0, 1)
    assert (np.einsum("fi,fi->f", np.cross(b - a, c - a), a - CENTRE) >= -1e-12).all()


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("field", [lambda z: np.ones(len(z)), lambda z: np.full(len(z), np.nan),
                                   lambda z: np.full(len(z), -np.inf), lambda z: np.zeros(len(z))])
def test_no_boundary_is_an_empty_shape(field, dim):
    shape = extract(field, LOW[:dim], HIGH[:dim], 24)
    assert shape.vertices.shape == (0, dim) and shape.residual.shape == (0,)
    assert (parts(shape), euler(shape)) == (0, 0)
    if isinstance(shape, Mesh):
        assert shape.faces.shape == (0, 3) and area(shape) == volume(shape) == 0
    else:
        assert shape.segments.shape == (0, 2) and length(shape) == 0
    assert topology(field, LOW[:dim], HIGH[:dim], 24) == boundary.Topology(0, 0, True)


@pytest.mark.parametrize("dense", [False, True])
def test_samples_that_are_exactly_zero(dense):
    # Integer grid, r = 5: (5,0,0), (3,4,0) and their like are nodes, which marching cubes would leave open.
    mesh = extract(lambda z: (z**2).sum(1) - 25.0, (-12,) * 3, (12,) * 3, 25, dense)
    assert (parts(mesh), euler(mesh)) == (1, 2)
    assert np.isclose(volume(mesh), 4 / 3 * np.pi * 125, rtol=0.05)
    assert np.allclose(np.linalg.norm(mesh.vertices, axis=1), 5, atol=0.01)
    flat = extract(lambda z: z[:, 2], (-12,) * 3, (12,) * 3, 25, dense)  # a whole layer of zeros
    assert (parts(flat), euler(flat)) == (1, 1) and np.isclose(area(flat), 24**2) and (flat.vertices[:, 2] == 0).all()


def test_many_zero_samples_leave_no_hole():
    lattice = np.random.default_rng(0).integers(-1, 2, (24,) * 3).astype(float)  # a third of the nodes are zero
    mesh = extract(lambda z: map_coordinates(lattice, z.T, order=1), (0,) * 3, (23,) * 3, 24)
    sides, shared = np.unique(boundary._edges(mesh.faces), axis=0, return_counts=True)
    a, b = mesh.vertices[sides[shared != 2]].swapaxes(0, 1)
    assert ((a == b) & ((a == 0) | (a == 23))).any(1).all()  # open rims lie in the walls only


def test_zero_samples_in_the_plane():
    ring = extract(lambda z: (z**2).sum(1) - 25.0, (-12, -12), (12, 12), 25)
    assert (parts(ring), euler(ring)) == (1, 0)
    assert np.allclose(np.linalg.norm(ring.vertices, axis=1), 5, atol=0.01)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1e9])
def test_the_scale_of_the_logit_does_not_matter(scale):
    mesh = extract(lambda z: scale * sphere()(z), LOW, HIGH, 30)
    assert (parts(mesh), euler(mesh)) == (1, 2) and np.isclose(area(mesh), 4 * np.pi * 0.49, rtol=0.02)
    assert mesh.residual.max() < 0.01 * 2 / 29


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_no_boundary_where_the_logit_is_not_finite(hole, dim):
    def f(z):
        return np.where(z[:, 0] > 0.1, hole, sphere()(z))

    shape = extract(f, LOW[:dim], HIGH[:dim], 40)
    whole = extract(sphere(), LOW[:dim], HIGH[:dim], 40)
    assert 0.3 * len(whole.vertices) < len(shape.vertices) < 0.6 * len(whole.vertices)
    assert shape.vertices[:, 0].max() <= 0.1 and np.allclose(sphere()(shape.vertices), 0, atol=1e-3)
    assert (parts(shape), euler(shape)) == (1, 1)
    assert topology(f, LOW[:dim], HIGH[:dim], 40) == boundary.Topology(1, 1, True)


def test_a_logit_that_leaps_from_nearly_nothing_to_huge():
    mesh = extract(lambda z: np.where(z[:, 0] < 0.5, -1e-6, 1e3), LOW, HIGH, 48)
    assert (parts(mesh), euler(mesh)) == (1, 1) and np.isclose(area(mesh), 4)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_logit_that_is_finite_at_the_nodes_only(dim):
    def f(z):
        index = (z + 1) / 2 * 24
        return np.where(np.abs(index - np.round(index)).max(1) > 1e-6, np.nan, sphere()(z))

    assert len(extract(f, LOW[:dim], HIGH[:dim], 25).vertices) == 0


def test_curves():
    ring = extract(sphere(), LOW[:2], HIGH[:2], 64)
    assert isinstance(ring, Curves) and (parts(ring), euler(ring)) == (1, 0)
    assert len(ring.segments) == len(ring.vertices) == len(np.unique(ring.segments))
    pair = extract(two(radius=0.2), LOW[:2], HIGH[:2], 64)
    assert (parts(pair), euler(pair)) == (2, 0) and np.isclose(length(pair), 0.8 * np.pi, rtol=0.01)
    assert topology(plane, LOW[:2], HIGH[:2], 48) == boundary.Topology(1, 1, True)


def test_boxes_need_not_be_cubes():
    low, high = np.array([-1.0, 2.0, -10.0]), np.array([1.0, 2.5, 30.0])
    unit = (high - low) / 2
    mesh = extract(lambda z: sphere()((z - low) / unit - 1), low, high, 40)
    assert (parts(mesh), euler(mesh)) == (1, 2)
    assert np.isclose(volume(mesh), 4 / 3 * np.pi * 0.7**3 * unit.prod(), rtol=0.02)


def test_too_coarse_a_grid_is_called_unresolved():
    assert not topology(two(0.66), LOW, HIGH, 24).resolved  # a gap of .06 in cells of .087: one blob, then two


@pytest.mark.parametrize("resolution", [23, 129, 0, -5, 48.5, "48", None])
def test_resolution_out_of_range(resolution):
    allowed = f"a whole number between 24 and 128, got {resolution!r}"
    for function in (extract, topology):
        with pytest.raises(FieldError, match=f"resolution must be {allowed}"):
            function(plane, LOW, HIGH, resolution)


@pytest.mark.parametrize("low, high", [((0,), (1,)), ((0, 0), (1, 0)), ((0, 0, 0), (1, 1, np.inf)), ((1, 1), (0, 0))])
def test_windows_that_are_none(low, high):
    with pytest.raises(FieldError, match="window must be two corners"):
        extract(plane, low, high, 24)


def test_results_cannot_be_rebound():
    with pytest.raises(FrozenInstanceError):
        extract(sphere(), LOW, HIGH, 24).vertices = None
