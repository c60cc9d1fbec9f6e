"""Experiments and sweeps asked for from the page, on a worker of their own: nobody's picture waits for them."""

from collections.abc import Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from app.limits import Limits
from app.quiet import Quiet
from app.run import Run
from app.shared import THREADS, Shared
from app.store import Store
from app.stream import spoken
from app.text import say, translated, words
from toy import FieldError, Recording, overview, rows
from toy.experiment import Experiment
from toy.experiments import EXPERIMENTS
from toy.link import Setup, change, query
from toy.sweep import Sweep, one, plan
from toy.trials import Trial, links, trainer, trial
from toy.world import FIELDS, View, World, choices, group

SWEPT = tuple(name for name, spec in FIELDS.items()
              if spec is not View and name not in ("seed", "start", "training_set"))


def about(setup: Setup) -> dict[str, Any]:
    """The experiment of a setup's exhibit before anything has run: its runs as links, its claims in words."""
    experiment = EXPERIMENTS.get(setup.exhibit)
    if experiment is None:
        return {"exhibit": setup.exhibit, "cases": {}, "claims": [], "note": ""}
    return {"exhibit": setup.exhibit, "cases": links(experiment, setup), "claims": claims(setup.exhibit, experiment),
            "note": words().get(f"note.{setup.exhibit}", experiment.note)}


def claims(exhibit: str, experiment: Experiment) -> list[dict[str, str]]:
    """Every claim in the language being spoken."""
    told = words()
    out = []
    for claim in experiment.claims:
        key = f"claim.{exhibit}.{claim.name}"
        out.append({"name": claim.name, "prediction": told.get(key, claim.prediction),
                    "value_is": told.get(f"{key}.value", claim.value), "null_is": told.get(f"{key}.null", claim.null),
                    "unit": told.get(f"unit.{claim.unit}", claim.unit)})
    return out


def whole(name: str, text: str, low: int, high: int) -> int:
    """A whole number of a request; FieldError names it."""
    if not (text.isdecimal() and len(text) < 9 and low <= int(text) <= high):
        raise FieldError(name, say("allowed.whole_between", low=low, high=high), text)
    return int(text)


class Studies(Shared):
    """All experiments and sweeps of a server. quiet: work gives way to the pictures it counts."""

    def __init__(self, limits: Limits, quiet: Quiet):
        super().__init__(ThreadPoolExecutor(THREADS, "study"), 1, limits.studies_waiting, limits.studies)
        self.limits, self._quiet = limits, quiet
        self._trials: Store[Trial] = Store(limits.trials)

    def evidence(self, setup: Setup, seeds: str) -> Run:
        """The experiment of an exhibit, on this setup as its base, over so many seeds from the setup's own on."""
        if setup.exhibit not in EXPERIMENTS:
            raise FieldError("exhibit", say("allowed.with_experiment"), setup.exhibit)
        count = whole("seeds", seeds, 1, self.limits.study_seeds)
        first = setup.knobs.seed
        bases = [change(setup, {"seed": first + i}) for i in range(count)]
        return self.joined(f"evidence {count} {spoken(setup)}", setup, lambda run: self._gather(run, bases))

    def sweep(self, setup: Setup, given: Mapping[str, str]) -> Run:
        """A sweep of one field round a setup: `vary` a field, `values` a list with commas, `seeds`."""
        field = given.get("vary", "")
        if field not in SWEPT:
            raise FieldError("vary", say("allowed.one_of", names=", ".join(SWEPT)), field)
        texts = list(dict.fromkeys(text.strip() for text in given.get("values", "").split(",") if text.strip()))
        seeds = whole("seeds", given.get("seeds", "1"), 1, self.limits.study_seeds)
        if not 1 <= len(texts) * seeds <= self.limits.sweep_runs:
            raise FieldError("values", say("allowed.sweep_runs", most=self.limits.sweep_runs), given.get("values", ""))
        varied = [change(setup, {field: text}) for text in texts]
        spec = FIELDS[field]
        values = list(dict.fromkeys(getattr(s.world if spec is World else s.knobs, field) for s in varied))
        fixed = {name: value for name, value in parse_qsl(query(setup)) if name not in ("exhibit", "v", "seed", field)}
        planned = plan(setup.exhibit, {field: values}, seeds, setup.knobs.seed, fixed)
        key = f"sweep {field} {values} {seeds} {spoken(setup)}"
        return self.joined(key, setup, lambda run: self._sweep(run, planned))

    def _gather(self, run: Run, bases: list[Setup]) -> None:
        """Seed by seed; a seed that is known is not measured again."""
        from toy import publish  # its plots take a second to load

        self.begin(run)
        experiment, found = EXPERIMENTS[run.setup.exhibit], []
        for i, base in enumerate(bases):
            key = query(base)
            kept = self._trials.get(key)
            if kept is None:
                try:
                    kept = self._trials.put(key, trial(experiment, base, self._trainer(run, experiment, i, len(bases))))
                except CancelledError:
                    return
            found.append(kept)
            results = {name: result._asdict() for name, result in kept.results.items()}
            run.post_as(f"trial {i}", {"event": "trial", "seed": kept.seed, "results": results, "link": key})
        self._progress(run, len(bases), len(bases), words()["evidence.drawing"])
        told = publish.summary(experiment, run.setup, found)
        for claim, own in zip(told["claims"], claims(run.setup.exhibit, experiment)):
            claim |= own
        told["columns"] = {column: {"name": named(column, run.setup.exhibit), "unit": words().get(f"unit.{unit}", unit)}
                           for column, unit in told["columns"].items()}
        told["rows"] = {row: titled(row) for row in told["table"]}
        told["errors"] = {seed: translated("allowed", error) for seed, error in told["errors"].items()}
        drawn = publish.drawn(experiment, run.setup, found)
        seeds = {base.knobs.seed: query(base) for base in bases}
        run.post({"event": "evidence", "told": told, "drawn": drawn, "seeds": seeds})
        run.post({"event": "done"})

    def _trainer(self, run: Run, experiment: Experiment, i: int, total: int) -> Any:
        """Trains a seed's runs, telling how far it has come."""
        train, cases = trainer(run.gone.is_set), len(experiment.cases)
        made: set[Any] = set()

        def told(setup: Setup) -> Recording:
            self._quiet.wait()
            share = i + 0.6 * len(made) / cases
            self._progress(run, share, total, say("evidence.training", run=len(made) + 1, runs=cases))
            recording = train(setup)
            made.add(setup.run)
            if len(made) >= cases:
                self._progress(run, i + 0.6, total, words()["evidence.measuring"])
            return recording

        return told

    def _progress(self, run: Run, done: float, total: int, what: str) -> None:
        run.post({"event": "progress", "done": done, "total": total, "what": what})

    def _sweep(self, run: Run, planned: Sweep) -> None:
        """Run by run; the rows as the command line's file, and what they say."""
        from toy import publish

        self.begin(run)
        (field,), made = planned.varied, list[rows.Row]()
        for i, setup in enumerate(planned.setups):
            value = getattr(setup.world if FIELDS[field] is World else setup.knobs, field)
            what = say("evidence.one_run", field=words()[f"field.{field}"], value=value, seed=setup.knobs.seed)
            self._progress(run, i, len(planned.setups), what)
            self._quiet.wait()
            try:
                made.append(one(setup, lambda *_: run.gone.is_set()))
            except CancelledError:
                return
        self._progress(run, len(made), len(made), words()["evidence.drawing"])
        text = rows.text([rows.COLUMNS, *(map(rows.encode, row.values()) for row in made)]).decode()
        found = overview.findings(made, planned.varied)
        slopes = [{"name": f.name, "against": f.against, **publish.finite(f.estimate)}
                  for f in overview.slopes(made, planned.varied)]
        plots = publish.swept(field, found)
        names = {column: named(column) for column in plots}
        run.post({"event": "sweep", "csv": text, "slopes": slopes, "plots": plots, "names": names})
        run.post({"event": "done"})


def named(column: str, exhibit: str = "") -> str:
    """A column's name in words; as files have it where there are none."""
    told, keys = words(), (f"column.{exhibit}.{column}", f"column.{column}", f"measure.{column}")
    return next((told[key] for key in keys if key in told), column)


def titled(row: str) -> str:
    """A run's name in words, part by part; as files have it where there are none."""
    return ", ".join(" → ".join(map(_worded, part.split(" to "))) for part in row.split(", "))


def _worded(part: str) -> str:
    told, (head, _, x) = words(), part.rpartition(" ")
    return told.get(f"row.{part}", told.get(f"row.{head}", part)).format(x=x)


def fields() -> list[dict[str, Any]]:
    """The fields a sweep can vary, by group, each with its name and its choices."""
    told = words()
    return [{"name": name, "label": told[f"field.{name}"], "group": told[f"group.{group(name)}"],
             "choices": list(choices(name) or ())} for name in SWEPT]
