"""Exhibit smoother-boundaries: which training makes the boundary smoother, and which more robust."""

from collections.abc import Mapping
from typing import NamedTuple

from toy import bounded
from toy.experiment import Case, Claim, Experiment, Numbers, Plot, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording
from toy.world import bounds

EPS = 0.05  # of adversarial training and of robust accuracy: a little more than the distance off the manifold


class Regime(NamedTuple):
    """A way of training: the field that sets its strength, the strength its claims are about, and other fields."""

    field: str
    strength: float
    fixed: Mapping[str, str] = {}

    @property
    def strengths(self) -> tuple[float, ...]:
        """The strength, and a third and three times as much where that is allowed."""
        own = (float(f"{times * self.strength:.2g}") for times in (1 / 3, 1, 3))
        return tuple(strength for strength in own if strength <= bounds(self.field)[1])


# Strengths were set before any was measured: eps for what moves points (a noise of that length in 32 dimensions), the
# page's defaults for penalty and smoothing, the largest weight decay, the small margin of the theory.
REGIMES = {
    "weight decay": Regime("weight_decay", 1.0, {"optimizer": "adamw"}),
    "gradient penalty": Regime("gradient_penalty", 0.01, {"regime": "gradient-penalty"}),
    "noise": Regime("input_noise", 0.009, {"regime": "noise"}),
    "label smoothing": Regime("label_smoothing", 0.1, {"regime": "smoothing"}),
    "adversarial training": Regime("eps", EPS, {"regime": "adversarial"}),
    "off-manifold adversarial training": Regime("eps", EPS, {"regime": "adversarial-off"}),
    "on-manifold adversarial training": Regime("eps", EPS, {"regime": "adversarial-on"}),
    "a stop at a small margin": Regime("stop_margin", 0.3),
}
SPACES = ("free", "on", "off", "random")


def key(name: str) -> str:
    """A regime's name as part of a claim's."""
    return name.removeprefix("a ").replace(" ", "-")


def case(name: str, strength: float) -> str:
    """A regime at a strength, as a row of the table."""
    return f"{name}, {strength:g}"


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
    """A row a regime and strength."""
    return {name: row(recording) for name, recording in recordings.items()}


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    plain, out = table["standard"], {}
    for name, regime in REGIMES.items():
        own = table[case(name, regime.strength)]
        fits = of.no_more(plain["accuracy"], own["accuracy"]).holds
        for word, result in (("smoother", of.below(own["roughness"], plain["roughness"])),
                             ("robust", of.above(own["robust_free"], plain["robust_free"]))):
            holds = None if fits is None or result.holds is None else fits and result.holds
            out[f"{key(name)}-{word}"] = result._replace(holds=holds)
    return out


_FITS = "; holds at no lower accuracy"
EXPERIMENT = Experiment(
    cases={"standard": Case(), **{
        case(name, strength): Case({**regime.fixed, regime.field: strength})
        for name, regime in REGIMES.items() for strength in regime.strengths
    }},
    measure=measure,
    judge=judge,
    claims=tuple(
        claim for name, regime in REGIMES.items() for claim in (
            Claim(f"{key(name)}-smoother", f"With {name} the boundary is smoother.",
                  f"roughness of the last step, {regime.field} {regime.strength:g}" + _FITS,
                  "the same of standard training"),
            Claim(f"{key(name)}-robust", f"With {name} the net is more robust.",
                  f"share of points right and further than {EPS:g} from the boundary, the same training" + _FITS,
                  "the same of standard training"),
        )
    ),
    columns={
        **of.units("accuracy", "loss", "vertical_gradient", "sheet_offset", "single_sheet_share", "depth_median",
                   "roughness"),
        "steps": "steps", "roughness_per_depth": "1 / length", **{f"robust_{space}": "1" for space in SPACES},
    },
    plots=tuple(Plot(x, ("robust_free",)) for x in ("roughness", "depth_median", "accuracy")),
    note="Claims are about strengths set before measuring; rows and pictures show a third and three times as much too.",
)
