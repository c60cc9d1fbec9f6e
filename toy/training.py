"""Training, one compiled function for the run and for its replay, so that both give the same bits."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from toy import nets
from toy.labels import domain, sample
from toy.regimes import REGIMES, Batch, Ground, logistic_loss
from toy.world import Knobs, World, group

DATA_FIELDS = [name for name in World.model_fields if group(name) == "world"]
CHUNK = 256  # most steps in one call; the length of the buffers of per-step scalars
FAST = {
    "xla_cpu_prefer_vector_width": 512,  # for processors that have it: XLA takes half of it unasked
    "xla_cpu_copy_insertion_use_region_analysis": True,  # else every step copies the weights it is about to replace
}


class Rule(NamedTuple):
    """All of a world that a training step depends on; worlds that share it share the compiled step."""

    logit: nets.Logit
    optimizer: str
    batch_size: int
    regime: str = "standard"
    ground: Ground | None = None  # None for a regime that does not look at the manifold
    clean: bool = True  # the training set is the clean data


def rule(world: World) -> Rule:
    """The rule of a world's steps."""
    looks = world.regime in ("adversarial-on", "adversarial-off")
    ground = Ground(world.geometry, world.n, domain(world.geometry, world.sampling)) if looks else None
    return Rule(nets.logit(world), world.optimizer, world.batch_size, world.regime, ground,
                world.training_set == "clean")


class Points(NamedTuple):
    """Labelled points as arrays: u (N, k), x (N, n), y (N,) of +-1."""

    u: Array
    x: Array
    y: Array


class State(NamedTuple):
    """Parameters and optimiser state before step `step`; all of a checkpoint."""

    params: nets.Params
    opt: Any
    step: Array


class Trace(NamedTuple):
    """Scalars of the steps of one call, (CHUNK,) each, the first `done` of them valid.

    loss: mean logistic loss of the training set, without penalties and as it stands, not perturbed. accuracy: share
    of y f > 0, and margin: min y f (logits), both of the clean data.
    stopped: a stop rule was met at the last valid step. diverged: the loss of the last valid step was not finite, or
    the parameters after it.
    """

    loss: Array
    accuracy: Array
    margin: Array
    done: Array
    stopped: Array
    diverged: Array


def optimizer(name: str, knobs: Knobs) -> optax.GradientTransformation:
    """The optax optimiser of a name with traced rates.

    Weight decay adds weight_decay x the weights to the gradient; adamw instead multiplies all weights by
    (1 - learning_rate x weight_decay) in every step, which for sgd is the same.
    Source: Loshchilov, Hutter, ICLR 2019, arXiv:1711.05101.
    """
    scale, decay = OPTIMIZERS[name](knobs), optax.add_decayed_weights(knobs.weight_decay)
    parts = (scale, decay) if name == "adamw" else (decay, scale)
    return optax.chain(*parts, optax.scale(-knobs.learning_rate))


def total(a: Float[Array, "..."]) -> Float[Array, ""]:
    """Sum of all entries, the first axis by a matrix product: XLA's own sum takes them one after the other."""
    return jnp.sum(jnp.ones(a.shape[0]) @ a)


def first_layer_norm(params: nets.Params) -> Float[Array, ""]:
    """Euclidean norm of the first layer's weights and biases together; its gradient at 0 is taken as 0."""
    square = sum(total(a**2) for a in jax.tree.leaves(params["layer0"]))
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def first_layer_penalty(params: nets.Params, knobs: Knobs) -> Float[Array, ""]:
    """first_layer_penalty x the first layer's norm, which is not computed for a penalty of 0."""
    weight = knobs.first_layer_penalty
    return weight * jax.lax.cond(weight > 0, first_layer_norm, lambda _: jnp.zeros(()), params)


@partial(jax.jit, static_argnums=0)
def _fresh(name: str, knobs: Knobs, params: nets.Params) -> State:
    return State(params, optimizer(name, knobs).init(params), jnp.zeros((), jnp.int32))


_sample = jax.jit(sample, static_argnums=0)


def start(world: World, knobs: Knobs) -> tuple[State, Points]:
    """State of a run that starts afresh, and the clean data.

    Net, optimiser and data are compiled apart: drawing random numbers takes longest to compile, and a world that
    differs in one of the three keeps the others.
    """
    return _fresh(world.optimizer, knobs, nets.initial(world, knobs)), clean_data(world, knobs)


def clean_data(world: World, knobs: Knobs) -> Points:
    """The points of a world and their labels, as `sample` says."""
    data = World(**{name: value for name, value in world.model_dump().items() if name in DATA_FIELDS})
    return Points(*_sample(data, knobs))


def batch(size: int, count: int, knobs: Knobs, step: Array) -> Array:
    """Indices of a step's `size` of `count` points: shuffled anew each epoch, a function of seed and step."""
    per_epoch = count // size
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(knobs.seed), 3), step // per_epoch)
    order = jax.random.permutation(key, count)
    return jax.lax.dynamic_slice(order, ((step % per_epoch) * size,), (size,))


def _noise_key(knobs: Knobs, step: Array) -> Array:
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(knobs.seed), 5), step)


@partial(jax.jit, static_argnums=0, compiler_options=FAST)
def advance(rule: Rule, knobs: Knobs, state: State, train: Points, clean: Points, count: Array) -> tuple[State, Trace]:
    """Train at most `count` <= CHUNK steps; scalars are those of the parameters *before* each step.

    The last one is a step at which a stop rule is met or the loss is not finite. Its update is made all the same, as
    a choice would copy the state in every step: the state of that step itself is a replay of one step less.
    Parameters are looked at once, after the last step, as what is not finite stays so: the step that broke them is
    the smallest count that gives `diverged`. `count` is traced: one executable serves any number of steps, which
    makes a replay bitwise equal to the run.
    """
    logit, opt, regime = rule.logit, optimizer(rule.optimizer, knobs), REGIMES[rule.regime]

    def objective(params: nets.Params, points: Batch) -> tuple[Array, Array | None]:
        loss, logits = regime(logit, params, knobs, points, rule.ground)
        return loss + first_layer_penalty(params, knobs), logits

    def body(carry: tuple[State, Trace]) -> tuple[State, Trace]:
        now, trace = carry
        key, points = _noise_key(knobs, now.step), train
        if rule.batch_size:
            index = batch(rule.batch_size, len(train.x), knobs, now.step)
            points = Points(*(a[index] for a in train))
        (_, logits), grads = jax.value_and_grad(objective, has_aux=True)(now.params, Batch(*points, key))
        if logits is None or rule.batch_size:
            logits = logit(now.params, train.x)
        loss = logistic_loss(logits, train.y)
        signed = clean.y * (logits if rule.clean else logit(now.params, clean.x))
        accuracy, margin = jnp.mean(signed > 0), jnp.min(signed)
        stopped = ((knobs.stop_margin > 0) & (margin >= knobs.stop_margin)) | (
            (knobs.stop_accuracy > 0) & (accuracy >= knobs.stop_accuracy)
        )
        updates, opt_state = opt.update(grads, now.opt, now.params)
        after = State(optax.apply_updates(now.params, updates), opt_state, now.step + 1)
        i = trace.done
        return after, Trace(
            trace.loss.at[i].set(loss), trace.accuracy.at[i].set(accuracy), trace.margin.at[i].set(margin),
            i + 1, stopped, ~jnp.isfinite(loss),
        )

    def unfinished(carry: tuple[State, Trace]) -> Array:
        _, trace = carry
        return (trace.done < count) & ~trace.stopped & ~trace.diverged

    empty, no = jnp.zeros(CHUNK), jnp.zeros((), bool)
    last, trace = jax.lax.while_loop(
        unfinished, body, (state, Trace(empty, empty, empty, jnp.zeros((), jnp.int32), no, no))
    )
    broken = [~jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(last.params)]
    return last, trace._replace(diverged=trace.diverged | jnp.stack(broken).any())


OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda knobs: optax.identity(),
    "momentum": lambda knobs: optax.trace(decay=knobs.momentum),
    "adam": lambda knobs: optax.scale_by_adam(),
    "adamw": lambda knobs: optax.scale_by_adam(),
}
