"""Exhibit robustness-or-accuracy: adversarial training deepens the dimples and leaves the sheet where it is."""

from collections.abc import Mapping

from toy import bounded
from toy.experiment import Case, Claim, Experiment, Numbers, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording

# 1.5 x the off-manifold distance (median over points and over the seeds 100 - 115) after 200 clean steps: ell -> eps.
EPS = {1: 0.3, 10: 0.11, 30: 0.06}
BEFORE, MORE = 200, 400
BRANCH = {"start": "branch", "from.step": BEFORE, "from.steps": BEFORE, "steps": MORE}


KEPT = ("accuracy", "sheet_offset", "depth_median", "dimple_amplitude", "dimple_null_95", "roughness")


def row(recording: Recording, step: int) -> Numbers:
    """Accuracy, sheet, dimples and robust accuracy within eps of one step."""
    eps, found = recording.knobs.eps, of.at(recording, step)
    lost = {space: bounded.distances(recording, step, space) for space in ("free", "on", "off")}
    return {
        **{name: found[name] for name in KEPT}, "eps": eps,
        **{f"distance_{space}_median": of.median(distance) for space, distance in lost.items()},
        **{f"robust_{space}": float((distance > eps).mean()) for space, distance in lost.items()},
    }


def measure(recordings: Mapping[str, Recording]) -> Table:
    """Three rows a codimension: before, after adversarial training, after as much clean training."""
    return {
        **{f"before, ell {ell}": row(recordings[f"clean, ell {ell}"], 0) for ell in EPS},
        **{name: row(run, run.last_step) for name, run in recordings.items()},
    }


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    out: dict[str, Result] = {}
    for ell in EPS:
        hard, clean = table[f"adversarial, ell {ell}"], table[f"clean, ell {ell}"]
        out[f"distance-grows-{ell}"] = of.above(hard["distance_off_median"], clean["distance_off_median"])
    hard, clean = table["adversarial, ell 30"], table["clean, ell 30"]
    longer, moved = (of.difference(hard[name], clean[name]) for name in ("distance_off_median", "sheet_offset"))
    low = table["adversarial, ell 1"]["accuracy"], table["clean, ell 1"]["accuracy"]
    return out | {
        "depth-grows": of.above(hard["depth_median"], clean["depth_median"]),
        "amplitude-grows": of.above(hard["dimple_amplitude"], clean["dimple_amplitude"]),
        "sheet-stays": of.below(None if moved is None else abs(moved), longer),
        "robust": of.above(hard["robust_free"], clean["robust_free"]),
        "accuracy-pays-at-1": of.below(*low),
        "accuracy-stays-at-30": of.no_more(clean["accuracy"], hard["accuracy"]),
    }


_MORE = f"the same after {MORE} more clean steps"
EXPERIMENT = Experiment(
    cases={
        f"{name}, ell {ell}": Case({**BRANCH, "codimension": ell, "regime": regime, "eps": eps})
        for ell, eps in EPS.items() for name, regime in (("clean", "standard"), ("adversarial", "adversarial"))
    },
    measure=measure,
    judge=judge,
    claims=(
        *(Claim(f"distance-grows-{ell}", f"Adversarial training lengthens the way off the manifold, ell = {ell}.",
                f"median off-manifold distance after {MORE} adversarial steps, wrong points counting 0", _MORE,
                "length") for ell in EPS),
        Claim("depth-grows", "It deepens the dimples.", "median dimple depth, ell = 30", _MORE, "length"),
        Claim("amplitude-grows", "The bulges grow to the right side of the points.", "dimple amplitude B, ell = 30",
              _MORE, "length"),
        Claim("sheet-stays", "It leaves the sheet where it is.",
              "how far the sheet offset C is from the clean run's, ell = 30",
              "how much longer the median way off the manifold is than the clean run's", "length"),
        Claim("robust", "Fewer points flip within eps.", "share of points right and further than eps from the boundary",
              _MORE),
        Claim("accuracy-pays-at-1", "With one direction off the manifold, accuracy pays for it.",
              "accuracy, ell = 1", _MORE),
        Claim("accuracy-stays-at-30", "With thirty it does not.", "accuracy of the clean run, ell = 30",
              "accuracy after adversarial training; holds when it is no lower"),
    ),
    columns={
        **of.units("accuracy", "sheet_offset", "depth_median", "dimple_amplitude", "dimple_null_95", "roughness",
                   "distance_free_median", "distance_on_median", "distance_off_median"),
        "eps": "length", "robust_free": "1", "robust_on": "1", "robust_off": "1",
    },
    note=f"Clean training for {BEFORE} steps, then eps is 1.5 times the off-manifold distance that other seeds had by "
         "then: " + ", ".join(f"{eps:g} at ell = {ell}" for ell, eps in EPS.items()) + ".",
)
