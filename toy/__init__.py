"""Dimple Lab's simulator: train small nets on manifolds, keep every step, find boundaries, measure dimples."""

from toy.errors import FieldError
from toy.foreign import record
from toy.origin import Origin
from toy.recording import Recording, simulate
from toy.world import Knobs, View, World

__all__ = ["FieldError", "Knobs", "Origin", "Recording", "View", "World", "record", "simulate"]
