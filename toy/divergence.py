"""Why a run diverged: settings whose change alone carries it past that step, found by training again."""

from collections.abc import Callable

from toy.origin import FREE
from toy.recording import Recording, simulate
from toy.world import Knobs

NO_CAUSES = ("seed", "steps", "stop_margin", "stop_accuracy")


def causes(recording: Recording, usual: Knobs, cancelled: Callable[[], bool] | None = None) -> dict[str, float]:
    """Knobs that alone explain why a run diverged, each with a value at which it does not.

    Tried one at a time: every knob that departs from `usual`, at its usual value, and the learning rate, at a tenth
    where it is the usual one. A knob explains the run if with that value nothing diverges up to step 2 t + 20, t being
    the step at which the run did, or up to the run's end. Empty where no single knob does, or nothing diverged. The
    run that a derived one comes from is trained again, once, and the data they share stay as they are.
    """
    at, knobs, origin = recording.diverged_at, recording.knobs, recording.origin
    if at is None:
        return {}
    earlier = origin.parent(recording.world, knobs) if origin else None
    parent = simulate(*earlier[:2], None, cancelled, earlier[2]) if earlier else None
    tried = [name for name in (FREE if origin else Knobs.model_fields)
             if name in Knobs.model_fields and name not in NO_CAUSES]
    others = {name: getattr(usual, name) for name in tried if getattr(usual, name) != getattr(knobs, name)}
    others.setdefault("learning_rate", knobs.learning_rate / 10)
    steps = max(1, min(knobs.steps, 2 * at + 20))

    def healthy(name: str, value: float) -> bool:
        changed = knobs.replace(**{name: value, "steps": steps})
        again = simulate(recording.world, changed, None, cancelled, origin, parent)
        return again.diverged_at is None

    return {name: value for name, value in others.items() if healthy(name, value)}
