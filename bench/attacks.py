"""Minimal L2 perturbations against foolbox's on random trained nets: who finds the nearer boundary point?"""

from itertools import count
from typing import Any

import eagerpy
import foolbox
import jax.numpy as jnp
import numpy as np
from foolbox.attacks import DDNAttack, L2DeepFoolAttack

import toy
from toy import attacks

NETS = 24
WIDE = 100.0  # bounds that nothing meets: the toy world has none
# Found best here, of the attacks that need no further compiler: DDN from two radii; DeepFool for the easy points.
PEERS: dict[str, Any] = {
    "ddn": DDNAttack(steps=300, init_epsilon=0.1),
    "ddn-wide": DDNAttack(steps=300, init_epsilon=1.0),
    "deepfool": L2DeepFoolAttack(steps=100, overshoot=1e-4),
}


def net(seed: int) -> toy.Recording:
    """A trained net whose shape, world and weights are drawn by the seed."""
    draw = np.random.default_rng(seed)
    pick = lambda *values: values[draw.integers(len(values))]  # noqa: E731
    world = toy.World(
        codimension=pick(1, 3, 10, 30, 100), hidden_layers=pick(1, 2, 3, 4), width=pick(16, 32, 64, 100),
        activation=pick("relu", "gelu", "tanh", "softplus"), init=pick("he", "normal-first", "uniform"),
        labels=pick("chessboard", "random", "rings"), points_per_side=pick(4, 5),
    )
    return toy.simulate(world, toy.Knobs(seed=seed, steps=300, learning_rate=0.01))


def theirs(recording: toy.Recording, peers: dict[str, Any] | None = None) -> np.ndarray:
    """Per training point the shortest of the peers' perturbations that really flips the class; inf without any."""
    logit, params, x = recording.logit, recording.params(recording.last_step), jnp.asarray(recording.data.x)

    def two_logits(at: Any) -> Any:
        f = logit(params, at)
        return jnp.stack([-f / 2, f / 2], -1)

    model = foolbox.JAXModel(two_logits, bounds=(-WIDE, WIDE))
    sign = np.asarray(logit(params, x)) >= 0
    best = np.full(len(x), np.inf)
    for attack in (peers or PEERS).values():
        found = attack(model, eagerpy.astensor(x), eagerpy.astensor(jnp.asarray(sign.astype(np.int32))), epsilons=None)
        moved = found[0].raw
        flipped = (np.asarray(logit(params, moved)) >= 0) != sign
        best = np.where(flipped, np.minimum(best, np.linalg.norm(np.asarray(moved - x), axis=1)), best)
    return best


def ratios(recording: toy.Recording, peers: dict[str, Any] | None = None) -> np.ndarray:
    """Our distance over the best of theirs for every point that either finds a way for; inf where only they do."""
    ours = attacks.minimal("free", recording, recording.last_step).distance.astype(float)
    best = theirs(recording, peers)
    reach = attacks.REACH * recording.world.geometry.extent  # what lies beyond counts as no boundary for us
    known = (np.isfinite(ours) | (best < 0.99 * reach)) & (best > 0)
    return ours[known] / best[known]


def bench() -> dict[str, float]:
    """A row a net - the worst, median and share of shorter ones of our lengths over their best - and their sums."""
    out: dict[str, float] = {}
    all_ratios: list[np.ndarray] = []
    for seed in count():
        if len(all_ratios) == NETS:
            break
        recording = net(seed)
        r, world = ratios(recording), recording.world
        if not len(r):  # a net whose boundary is out of reach of every point has nothing to compare
            continue
        name = f"{seed:02d} {world.activation} {world.hidden_layers}x{world.width} n={world.n}"
        out |= {f"{name}: worst ours/theirs": r.max(), f"{name}: median": float(np.median(r)),
                f"{name}: share shorter": float((r < 1).mean())}
        all_ratios.append(r)
    r = np.concatenate(all_ratios)
    return out | {
        "nets": float(NETS), "nets without a boundary in reach": float(seed - NETS), "points": float(len(r)),
        "worst ours/theirs": float(r.max()), "median": float(np.median(r)),
        "points more than 1 % longer": float((r > 1.01).sum()), "share shorter": float((r < 1).mean()),
        "nets shorter on most points": float(sum((one < 1).mean() > 0.5 for one in all_ratios)),
    }
