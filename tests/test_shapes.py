"""The check of shapes itself: it is on, in functions and in what jax traces."""

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from toy.manifolds import MANIFOLDS, point


@pytest.mark.parametrize("call", [lambda f: f, jax.jit], ids=["plain", "jit"])
def test_a_wrong_shape_is_caught(call):
    place = call(lambda u: point(MANIFOLDS["plane"], 3, 0.0, u))
    assert place(jnp.zeros((4, 2))).shape == (4, 3)
    with pytest.raises(TypeCheckError):
        place(jnp.zeros(2))
