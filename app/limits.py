"""What one server allows itself and its visitors: every limit, once."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of memory, work and waiting; bytes and counts."""

    workers: int = max(1, (os.cpu_count() or 2) // 2)  # runs training at once
    waiting: int = 32  # runs queued behind them: a class, each with a start of its own
    recordings: int = 400_000_000  # bytes of finished recordings kept for replay
    worlds: int = 48  # whose compiled programs are kept, some 65 MB each; they are on the disk, too
    runs: int = 24  # finished runs whose events are kept
    frames: int = 128_000_000  # bytes of compressed frames kept
    frame_workers: int = 2
    frames_waiting: int = 64
    frame_steps: int = 120  # frames a player is told to fetch
    link: int = 4_000  # characters of a link
    preview_after: float = 0.3  # seconds of training before a first picture is shown
    preview_every: float = 1.0
    loading: float = 2.5  # seconds that a server's first run waits until what measures it is loaded
    measures_every: float = 0.3  # seconds between two updates of the charts
    studies: int = 12  # finished experiments and sweeps whose events are kept
    studies_waiting: int = 4  # queued behind the one that runs
    study_seeds: int = 32
    sweep_runs: int = 64
    trials: int = 400  # seeds of experiments kept, some 20 kB each
