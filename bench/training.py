"""Training steps per second against plain PyTorch loops on the same net, data and optimiser.

One only trains. The other also keeps what a recording gives back: every step's loss, accuracy, margin and weights.
"""

import time

import jax
import numpy as np
import torch

import toy
from toy import training
from toy.nets import layer_sizes

STEPS = 400
ROUNDS = 9
RUNS = 5  # of ours in a round, one after the other: together about as long as PyTorch's one
THREADS = torch.get_num_threads()


def torch_loop(recording: toy.Recording, keeps: bool = False) -> float:
    """Seconds of STEPS full-batch Adam steps in eager PyTorch from the recording's own start."""
    world, knobs, params = recording.world, recording.knobs, recording.params(0)
    layers: list[torch.nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(layer_sizes(world)):
        linear = torch.nn.Linear(fan_in, fan_out)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(np.array(params[f"layer{i}"]["kernel"]).T))
            linear.bias.copy_(torch.from_numpy(np.array(params[f"layer{i}"]["bias"])))
        layers += [linear, torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    x = torch.from_numpy(np.array(recording.data.x))
    y = torch.from_numpy(np.array(recording.data.y))
    target = (y + 1) / 2
    optimizer = torch.optim.Adam(net.parameters(), lr=knobs.learning_rate)
    loss_of, kept = torch.nn.BCEWithLogitsLoss(), []
    began = time.perf_counter()
    for _ in range(STEPS):
        optimizer.zero_grad()
        logits = net(x)[:, 0]
        loss = loss_of(logits, target)
        if keeps:
            with torch.no_grad():
                signed = y * logits
                scalars = loss.item(), (signed > 0).float().mean().item(), signed.min().item()
                kept.append((scalars, [weights.clone() for weights in net.parameters()]))
        loss.backward()
        optimizer.step()
    loss.item()
    return time.perf_counter() - began


def ours(round_: int) -> tuple[float, float]:
    """Seconds (of STEPS recorded steps, of the whole run with its data and first net drawn), the mean of RUNS runs.

    Every step's loss, accuracy and margin and the checkpoints are part of both.
    """
    steps = whole = 0.0
    for seed in range(round_ * RUNS, (round_ + 1) * RUNS):
        began = time.perf_counter()
        recording = toy.Recording(toy.World(), toy.Knobs(steps=STEPS, seed=seed, learning_rate=1e-3 * (1 + seed / 10)))
        jax.block_until_ready(recording.params(0))
        ready = time.perf_counter()
        for _ in recording.chunks():
            pass
        jax.block_until_ready(recording.params(STEPS))
        ended = time.perf_counter()
        steps, whole = steps + ended - ready, whole + ended - began
    return steps / RUNS, whole / RUNS


def bench() -> dict[str, float]:
    """Medians over alternating rounds; a changed knob or seed must not recompile."""
    recording = toy.simulate(toy.World(), toy.Knobs(steps=STEPS))
    torch_loop(recording)
    compiled = training.advance._cache_size()
    times = []
    for round_ in range(ROUNDS):
        row = [*ours(round_)]
        for threads in (1, THREADS):
            torch.set_num_threads(threads)
            row += [torch_loop(recording), torch_loop(recording, keeps=True)]
        times.append(row)
    mine, whole, *by_threads = np.median(times, axis=0)
    as_it_comes = by_threads[2]  # with the threads PyTorch takes unasked
    # PyTorch in its better setting: busy machines punish its second thread
    theirs, keeping = np.min(np.reshape(by_threads, (2, 2)), axis=0)
    return {
        "our_steps_per_second": STEPS / mine,
        "torch_steps_per_second": STEPS / theirs,
        "torch_as_it_comes_steps_per_second": STEPS / as_it_comes,
        "torch_keeping_steps_per_second": STEPS / keeping,
        "ratio": theirs / mine,
        "ratio_to_torch_as_it_comes": as_it_comes / mine,
        "ratio_with_data_and_first_net": theirs / whole,
        "ratio_where_both_keep_every_step": keeping / mine,
        "recompilations": float(training.advance._cache_size() - compiled),
    }
