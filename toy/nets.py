"""Multilayer perceptrons R^n -> R and how their weights start."""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

if TYPE_CHECKING:  # world reads this file's maps
    from toy.world import Knobs, World

FIRST, SECOND = 2, 6  # streams of random numbers: a seed has two independent nets
Params = dict[str, Any]
Logit = Callable[[Params, Array], Array]


class MLP(nn.Module):
    """f(x) = W_L a(... a(W_1 x + b_1) ...) + b_L, one real logit; layers are named layer0 .. layerL."""

    hidden_layers: int
    width: int
    activation: str

    @nn.compact
    def __call__(self, x: Float[Array, "m n"]) -> Float[Array, " m"]:
        for i in range(self.hidden_layers):
            x = NETS[self.activation](nn.Dense(self.width, name=f"layer{i}")(x))
        return nn.Dense(1, name=f"layer{self.hidden_layers}")(x)[:, 0]


@lru_cache(maxsize=256)
def _logit(hidden_layers: int, width: int, activation: str) -> Logit:
    module = MLP(hidden_layers, width, activation)

    @jax.jit  # flax takes 30 ms to walk its modules in every call that is not compiled
    def logit(params: Params, x: Array) -> Array:
        logits: Array = module.apply({"params": params}, x)  # type: ignore[assignment]
        return logits

    return logit


def logit(world: "World") -> Logit:
    """The logit function (params, x (m, n)) -> (m,) of a world's net; equal nets give the same function object."""
    return _logit(world.hidden_layers, world.width, world.activation)


def layer_sizes(world: "World") -> list[tuple[int, int]]:
    """(fan-in, fan-out) of each layer."""
    sizes = [world.n] + [world.width] * world.hidden_layers + [1]
    return list(pairwise(sizes))


def parameter_count(world: "World") -> int:
    """Number of weights and biases."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in layer_sizes(world))


def _gaussian(key: Array, first: bool, fan_in: int, fan_out: int, std: Array | float) -> tuple[Array, Array]:
    """N(0, std^2) weights; N(0, 1) first-layer biases (scaled by `bias_spread` later), deeper biases 0.

    Row i of the weights depends on the key and i only: nets of one seed agree on the coordinates they share,
    whatever the codimension.
    """
    rows = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (fan_out,)))(jnp.arange(fan_in))
    bias = jax.random.normal(jax.random.fold_in(key, 2**31 - 1), (fan_out,)) if first else jnp.zeros(fan_out)
    return std * rows, bias


def he(key: Array, first: bool, fan_in: int, fan_out: int) -> tuple[Array, Array]:
    """Weights N(0, 2 / fan-in) (He et al. 2015)."""
    return _gaussian(key, first, fan_in, fan_out, (2 / fan_in) ** 0.5)


def lecun(key: Array, first: bool, fan_in: int, fan_out: int) -> tuple[Array, Array]:
    """Weights N(0, 1 / fan-in) (LeCun et al. 1998)."""
    return _gaussian(key, first, fan_in, fan_out, (1 / fan_in) ** 0.5)


def normal_first(key: Array, first: bool, fan_in: int, fan_out: int) -> tuple[Array, Array]:
    """First-layer weights N(0, 1) per entry, deeper ones N(0, 2 / fan-in): the pull off M grows with ell."""
    return _gaussian(key, first, fan_in, fan_out, 1.0 if first else (2 / fan_in) ** 0.5)


def uniform(key: Array, first: bool, fan_in: int, fan_out: int) -> tuple[Array, Array]:
    """Weights and biases uniform in +-1 / sqrt(fan-in) in every layer (the usual PyTorch default)."""
    bound = fan_in**-0.5
    draw = lambda i: jax.random.uniform(jax.random.fold_in(key, i), (fan_out,), minval=-bound, maxval=bound)  # noqa: E731
    return jax.vmap(draw)(jnp.arange(fan_in)), draw(2**31 - 1)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _layer(
    init: str, first: bool, fan_in: int, fan_out: int, layer: Array | int, draw: Array | int, knobs: "Knobs"
) -> dict[str, Array]:
    """One layer's starting parameters; hidden layers of one shape, in whatever world, share a compilation."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(knobs.seed), draw), layer)
    kernel, bias = INITS[init](key, first, fan_in, fan_out)
    return {"kernel": knobs.init_scale * kernel, "bias": knobs.init_scale * knobs.bias_spread * bias}


def initial(world: "World", knobs: "Knobs") -> Params:
    """Starting parameters: (weights, bias_spread x biases) x init_scale; a function of seed and `start`; traceable."""
    draw = FIRST if world.start in ("seed", "branch") else SECOND
    return {f"layer{i}": _layer(world.init, i == 0, *shape, i, draw, knobs)
            for i, shape in enumerate(layer_sizes(world))}


NETS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
}

INITS: dict[str, Callable[[Array, bool, int, int], tuple[Array, Array]]] = {
    "he": he,
    "lecun": lecun,
    "normal-first": normal_first,
    "uniform": uniform,
}
