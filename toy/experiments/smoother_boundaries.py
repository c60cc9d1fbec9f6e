"""Exhibit smoother-boundaries: which training makes the boundary smoother, and which more robust."""

from collections.abc import Mapping
from typing import Any

from toy import bounded
from toy.experiment import Case, Claim, Experiment, Numbers, Plot, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording

EPS = 0.05  # of adversarial training and of robust accuracy: a little more than the distance off the manifold
# Strengths were set before any was measured: eps for what moves points (a noise of that length in 32 dimensions), the
# page's defaults for penalty and smoothing, the largest weight decay, the small margin of the theory.
REGIMES: dict[str, dict[str, Any]] = {
    "weight decay": {"optimizer": "adamw", "weight_decay": 1.0},
    "gradient penalty": {"regime": "gradient-penalty", "gradient_penalty": 0.01},
    "noise": {"regime": "noise", "input_noise": 0.009},
    "label smoothing": {"regime": "smoothing", "label_smoothing": 0.1},
    "adversarial training": {"regime": "adversarial", "eps": EPS},
    "off-manifold adversarial training": {"regime": "adversarial-off", "eps": EPS},
    "on-manifold adversarial training": {"regime": "adversarial-on", "eps": EPS},
    "a stop at a small margin": {"stop_margin": 0.3},
}
SPACES = ("free", "on", "off", "random")


def key(name: str) -> str:
    """A regime's name as part of a claim's."""
    return name.removeprefix("a ").replace(" ", "-")


def row(recording: Recording) -> Numbers:
    """Accuracy, dimples, roughness and robust accuracy of the last step."""
    step, found = recording.last_step, of.at(recording)
    kept = ("accuracy", "loss", "vertical_gradient", "sheet_offset", "single_sheet_share", "depth_median", "roughness")
    return {
        **{name: found[name] for name in kept}, "steps": float(step),
        "roughness_per_depth": of.ratio(found["roughness"], found["depth_median"]),
        **{f"robust_{s}": float((bounded.distances(recording, step, s) > EPS).mean()) for s in SPACES},
    }


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a regime."""
    return {name: row(recording) for name, recording in recordings.items()}


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    plain, out = table["standard"], {}
    for name in REGIMES:
        own = table[name]
        fits = of.no_more(plain["accuracy"], own["accuracy"]).holds
        for word, result in (("smoother", of.below(own["roughness"], plain["roughness"])),
                             ("robust", of.above(own["robust_free"], plain["robust_free"]))):
            holds = None if fits is None or result.holds is None else fits and result.holds
            out[f"{key(name)}-{word}"] = result._replace(holds=holds)
    return out


_FITS = "; holds at no lower accuracy"
EXPERIMENT = Experiment(
    cases={"standard": Case(), **{name: Case(changes) for name, changes in REGIMES.items()}},
    measure=measure,
    judge=judge,
    claims=tuple(
        claim for name in REGIMES for claim in (
            Claim(f"{key(name)}-smoother", f"With {name} the boundary is smoother.",
                  "roughness of the last step" + _FITS, "the same of standard training"),
            Claim(f"{key(name)}-robust", f"With {name} the net is more robust.",
                  f"share of points right and further than {EPS:g} from the boundary" + _FITS,
                  "the same of standard training"),
        )
    ),
    columns={
        **of.units("accuracy", "loss", "vertical_gradient", "sheet_offset", "single_sheet_share", "depth_median",
                   "roughness"),
        "steps": "steps", "roughness_per_depth": "1 / length", **{f"robust_{space}": "1" for space in SPACES},
    },
    plots=tuple(Plot(x, ("robust_free",)) for x in ("roughness", "depth_median", "accuracy")),
    note="Each regime at one strength, set before measuring; another strength may say otherwise.",
)
