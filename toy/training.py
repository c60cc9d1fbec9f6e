"""Training, one compiled function for the run and for its replay, so that both give the same bits."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from toy import nets
from toy.labels import sample
from toy.world import Knobs, World, group

DATA_FIELDS = [name for name in World.model_fields if group(name) == "world"]
CHUNK = 256  # most steps in one call; the length of the buffers of per-step scalars


class Rule(NamedTuple):
    """All of a world that a training step depends on; worlds that share it share the compiled step."""

    logit: nets.Logit
    optimizer: str
    batch_size: int


def rule(world: World) -> Rule:
    """The rule of a world's steps."""
    return Rule(nets.logit(world), world.optimizer, world.batch_size)


class State(NamedTuple):
    """Parameters and optimiser state before step `step`; all of a checkpoint."""

    params: nets.Params
    opt: Any
    step: Array


class Trace(NamedTuple):
    """Scalars of the steps of one call, (CHUNK,) each, the first `done` of them valid.

    loss: mean logistic loss without penalties; accuracy: share of y f > 0; margin: min y f (logits).
    stopped: a stop rule was met at the last valid step. diverged: a loss or gradient was not finite.
    """

    loss: Array
    accuracy: Array
    margin: Array
    done: Array
    stopped: Array
    diverged: Array


def logistic_loss(logits: Float[Array, " N"], y: Float[Array, " N"]) -> Float[Array, ""]:
    """Mean of log(1 + exp(-y f)): binary cross-entropy on labels +-1."""
    return jnp.mean(jax.nn.softplus(-y * logits))


def optimizer(name: str, knobs: Knobs) -> optax.GradientTransformation:
    """The optax optimiser of a name with traced rates.

    Weight decay is decoupled: every step multiplies all weights by (1 - learning_rate x weight_decay).
    """
    scale = OPTIMIZERS[name](knobs)
    return optax.chain(scale, optax.add_decayed_weights(knobs.weight_decay), optax.scale(-knobs.learning_rate))


def first_layer_norm(params: nets.Params) -> Float[Array, ""]:
    """Euclidean norm of the first layer's weights and biases together; its gradient at 0 is taken as 0."""
    square = sum(jnp.sum(a**2) for a in jax.tree.leaves(params["layer0"]))
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


@partial(jax.jit, static_argnums=0)
def _fresh(name: str, knobs: Knobs, params: nets.Params) -> State:
    return State(params, optimizer(name, knobs).init(params), jnp.zeros((), jnp.int32))


_sample = jax.jit(sample, static_argnums=0)


def start(world: World, knobs: Knobs) -> tuple[State, tuple[Array, Array, Array]]:
    """State before the first step, and the data (u, x, y).

    Net, optimiser and data are compiled apart: drawing random numbers takes longest to compile, and a world that
    differs in one of the three keeps the others.
    """
    data = World(**{name: value for name, value in world.model_dump().items() if name in DATA_FIELDS})
    return _fresh(world.optimizer, knobs, nets.initial(world, knobs)), _sample(data, knobs)


def batch(size: int, count: int, knobs: Knobs, step: Array) -> Array:
    """Indices of a step's `size` of `count` points: shuffled anew each epoch, a function of seed and step."""
    per_epoch = count // size
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(knobs.seed), 3), step // per_epoch)
    order = jax.random.permutation(key, count)
    return jax.lax.dynamic_slice(order, ((step % per_epoch) * size,), (size,))


@partial(jax.jit, static_argnums=0)
def advance(rule: Rule, knobs: Knobs, state: State, x: Array, y: Array, count: Array) -> tuple[State, Trace]:
    """Train at most `count` <= CHUNK steps; scalars are those of the parameters *before* each step.

    Stops before the update of a step at which a stop rule is met or the loss is not finite, so `state` is then
    that step's. `count` is traced: one executable serves any number of steps, which makes a replay bitwise
    equal to the run.
    """
    logit, opt = rule.logit, optimizer(rule.optimizer, knobs)

    def objective(params: nets.Params, inputs: Array, targets: Array) -> tuple[Array, Array]:
        logits = logit(params, inputs)
        return logistic_loss(logits, targets) + knobs.first_layer_penalty * first_layer_norm(params), logits

    def body(carry: tuple[State, Trace]) -> tuple[State, Trace]:
        now, trace = carry
        if rule.batch_size:
            index = batch(rule.batch_size, len(x), knobs, now.step)
            (_, _), grads = jax.value_and_grad(objective, has_aux=True)(now.params, x[index], y[index])
            logits = logit(now.params, x)
        else:
            (_, logits), grads = jax.value_and_grad(objective, has_aux=True)(now.params, x, y)
        loss, signed = logistic_loss(logits, y), y * logits
        accuracy, margin = jnp.mean(signed > 0), jnp.min(signed)
        diverged = ~(jnp.isfinite(loss) & jnp.isfinite(optax.tree.norm(grads)))
        stopped = ((knobs.stop_margin > 0) & (margin >= knobs.stop_margin)) | (
            (knobs.stop_accuracy > 0) & (accuracy >= knobs.stop_accuracy)
        )

        def update() -> State:
            updates, opt_state = opt.update(grads, now.opt, now.params)
            return State(optax.apply_updates(now.params, updates), opt_state, now.step + 1)

        after = jax.lax.cond(diverged | stopped, lambda: now, update)
        i = trace.done
        return after, Trace(
            trace.loss.at[i].set(loss), trace.accuracy.at[i].set(accuracy), trace.margin.at[i].set(margin),
            i + 1, stopped, diverged,
        )

    def unfinished(carry: tuple[State, Trace]) -> Array:
        _, trace = carry
        return (trace.done < count) & ~trace.stopped & ~trace.diverged

    empty, no = jnp.zeros(CHUNK), jnp.zeros((), bool)
    return jax.lax.while_loop(
        unfinished, body, (state, Trace(empty, empty, empty, jnp.zeros((), jnp.int32), no, no))
    )


OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda knobs: optax.identity(),
    "momentum": lambda knobs: optax.trace(decay=knobs.momentum),
    "adam": lambda knobs: optax.scale_by_adam(),
    "adamw": lambda knobs: optax.scale_by_adam(),
}
