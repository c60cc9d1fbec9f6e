"""The net is the textbook's, and its weights start as they are said to."""

import math
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import tiny

from toy import Knobs, World
from toy.nets import INITS, NETS, initial, layer_sizes, logit, parameter_count

evaluate = jax.jit(lambda net, params, x: net(params, x), static_argnums=0)
REFERENCE = {
    "relu": lambda a: np.maximum(a, 0),
    "tanh": np.tanh,
    "softplus": lambda a: np.log1p(np.exp(a)),
    "gelu": lambda a: 0.5 * a * (1 + np.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))),
}


def drawn(world, rng, bias=1.0):
    """Random parameters that took no compilation."""
    return {f"layer{i}": {"kernel": rng.normal(size=shape).astype(np.float32),
                          "bias": bias * rng.normal(size=shape[1]).astype(np.float32)}
            for i, shape in enumerate(layer_sizes(world))}


@pytest.mark.parametrize("activation", NETS)
@pytest.mark.parametrize("layers", [1, 3])
def test_the_logit_is_a_multilayer_perceptron(activation, layers, rng):
    world, _ = tiny(activation=activation, hidden_layers=layers)
    params, x = drawn(world, rng), rng.normal(size=(6, world.n)).astype(np.float32)
    value = x.astype(float)
    for i in range(layers + 1):
        kernel, bias = (np.asarray(params[f"layer{i}"][part], float) for part in ("kernel", "bias"))
        value = value @ kernel + bias
        value = REFERENCE[activation](value) if i < layers else value[:, 0]
    found = evaluate(logit(world), params, x)
    assert found.shape == (6,) and np.allclose(found, value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("activation", NETS)
def test_activations_are_elementwise_and_keep_the_shape(activation):
    a = jnp.linspace(-3, 3, 12)
    assert np.allclose(NETS[activation](a.reshape(3, 4)).ravel(), NETS[activation](a))
    assert np.isfinite(jax.vmap(jax.grad(NETS[activation]))(a)).all()


def test_equal_nets_share_one_function_so_nothing_is_compiled_twice():
    world = World()
    assert logit(world) is logit(world.replace(codimension=3, init="he", labels="random"))
    assert logit(world) is not logit(world.replace(width=50))


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("size", [{"hidden_layers": 4}, {"hidden_layers": 1, "codimension": 1000}], ids=str)
def test_shapes_and_counts(init, size):
    world = World(width=7, **size)
    params = jax.eval_shape(partial(initial, world.replace(init=init)), Knobs())
    assert [params[f"layer{i}"]["kernel"].shape for i in range(len(params))] == layer_sizes(world)
    assert all(params[f"layer{i}"]["bias"].shape == (out,) for i, (_, out) in enumerate(layer_sizes(world)))
    assert parameter_count(world) == sum(leaf.size for leaf in jax.tree.leaves(params))
    assert len(params) == world.hidden_layers + 1


WIDE = World(width=200, hidden_layers=2, codimension=98)  # fan-in 100, 200, 200


def moments(values):
    """Standard deviation, and excess kurtosis: 0 for a normal, -1.2 for a uniform distribution."""
    z = np.asarray(values, float).ravel()
    assert abs(z.mean()) < 5 * z.std() / math.sqrt(z.size)
    z = z / z.std()
    return float(np.asarray(values, float).std()), float((z**4).mean() - 3)


@pytest.mark.parametrize("init, first, deeper", [
    ("he", math.sqrt(2 / 100), math.sqrt(2 / 200)), ("lecun", math.sqrt(1 / 100), math.sqrt(1 / 200)),
    ("normal-first", 1.0, math.sqrt(2 / 200)), ("uniform", 0.1 / math.sqrt(3), math.sqrt(1 / 200 / 3)),
])
def test_starting_distributions(init, first, deeper):
    params = initial(WIDE.replace(init=init), Knobs())
    kurtosis = -1.2 if init == "uniform" else 0.0
    for layer, std in (("layer0", first), ("layer1", deeper)):
        found, excess = moments(params[layer]["kernel"])
        assert math.isclose(found, std, rel_tol=0.03) and abs(excess - kurtosis) < 0.15
    if init == "uniform":
        for i, (fan_in, _) in enumerate(layer_sizes(WIDE)):
            bound = 1 / math.sqrt(fan_in)
            assert np.abs(params[f"layer{i}"]["kernel"]).max() <= bound
            assert 0 < np.abs(params[f"layer{i}"]["bias"]).max() <= bound
    else:
        assert math.isclose(moments(params["layer0"]["bias"])[0], 1.0, rel_tol=0.2)
        assert not np.asarray(params["layer1"]["bias"]).any() and not np.asarray(params["layer2"]["bias"]).any()


@pytest.mark.parametrize("init", INITS)
def test_every_initialisation_is_scaled_and_seeded(init):
    world = WIDE.replace(init=init)
    base, scaled, flat, other = (initial(world, Knobs(**k)) for k in (
        {}, {"init_scale": 3.0}, {"bias_spread": 0.0}, {"seed": 1}))
    for a, b in zip(jax.tree.leaves(base), jax.tree.leaves(scaled)):
        assert np.allclose(3 * np.asarray(a), b, rtol=1e-6)
    for layer in base:
        assert not np.asarray(flat[layer]["bias"]).any()
        assert np.array_equal(flat[layer]["kernel"], base[layer]["kernel"])
        assert not np.array_equal(other[layer]["kernel"], base[layer]["kernel"])
    kernels = [np.asarray(base[layer]["kernel"]).ravel()[:20] for layer in base]
    layers_differ = [not np.allclose(a / a.std(), b / b.std()) for a, b in pairwise(kernels)]
    assert all(layers_differ)


@pytest.mark.parametrize("init", INITS)
def test_rows_are_shared_between_codimensions(init):
    """Up to the factor of the fan-in, the weights of one coordinate do not depend on how many others there are."""
    draw = jax.jit(INITS[init], static_argnums=(1, 2, 3))
    few, many = (np.asarray(draw(jax.random.key(0), True, fan_in, 4)[0], float) for fan_in in (5, 402))
    factor = 1.0 if init == "normal-first" else math.sqrt(402 / 5)
    assert np.allclose(few, many[:5] * factor, rtol=1e-5)


def test_normal_first_nets_of_one_seed_are_one_function_on_the_manifold(train):
    values = {"manifold": "plane", "seed": 5}
    runs = {ell: train(codimension=ell, **values) for ell in (3, 1000)}
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 9, dtype=np.float32)] * 2), -1).reshape(-1, 2)
    for step in (0, 20):  # the data has no part off the manifold, so training does not tell them apart either
        f = {ell: np.asarray(logit(run.world)(run.params(step), np.pad(grid, ((0, 0), (0, ell)))))
             for ell, run in runs.items()}
        assert np.allclose(f[3], f[1000], atol=2e-4) and np.std(f[3]) > 0.05
    few, many = (np.asarray(logit(run.world)(run.params(20), np.pad(grid, ((0, 0), (0, ell)), constant_values=0.1)))
                 for ell, run in runs.items())
    assert not np.allclose(few, many, atol=1e-2)  # off the manifold they differ


def test_a_relu_net_without_biases_is_homogeneous(rng):
    world, _ = tiny(hidden_layers=3)
    params, x = drawn(world, rng, 0.0), rng.normal(size=(5, world.n)).astype(np.float32)
    net = partial(evaluate, logit(world), params)
    assert np.allclose(net(2 * x), 2 * net(x), rtol=1e-5)
