"""What experiments over seeds say: as JSON, as a Markdown table, as one HTML page with its plots."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import jinja2

from toy import overview, plots
from toy.experiment import Experiment, Plot, findings, setups
from toy.experiments import EXPERIMENTS
from toy.gallery import Picture
from toy.intervals import Estimate, over_seeds, slope
from toy.link import Setup, build
from toy.trials import Trial, links, versions
from toy.world import FIELDS, World

FILES = ("report.html", "report.json", "findings.md")


def finite(found: Estimate) -> dict[str, Any]:
    """An estimate as JSON can hold it."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(found).items()}


def summary(experiment: Experiment, base: Setup, trials: Sequence[Trial]) -> dict[str, Any]:
    """Everything the seeds say of an experiment, JSON-ready: claims with intervals and verdicts, medians, exponents."""
    found = findings(experiment, [trial.results for trial in trials])
    return {
        "exhibit": base.exhibit, "note": experiment.note, "cases": links(experiment, base),
        "columns": dict(experiment.columns),
        "claims": [
            {"name": claim.name, "prediction": claim.prediction, "value_is": claim.value, "null_is": claim.null,
             "unit": claim.unit, "value": finite(value), "null": finite(null), "holds": finite(holds),
             "verdict": verdict,
             "by_seed": [{"seed": t.seed, **t.results[claim.name]._asdict()} for t in trials]}
            for claim, value, null, holds, verdict in found
        ],
        "table": medians(trials),
        "exponents": [
            {"column": column, "against": plot.x, "law": plot.law,
             **finite(slope(places(experiment, base, plot), by_seed(experiment, plot, trials, column)))}
            for plot in experiment.plots if plot.law is not None for column in plot.y
        ],
        "errors": {str(trial.seed): trial.error for trial in trials if trial.error},
    }


def medians(trials: Sequence[Trial]) -> dict[str, dict[str, float | None]]:
    """The measured table, each cell the median over those seeds that have a value."""
    first = next((trial.table for trial in trials if trial.table), {})
    out: dict[str, dict[str, float | None]] = {}
    for row, columns in first.items():
        known = {column: [v for t in trials if (v := cell(t, row, column)) is not None] for column in columns}
        out[row] = {column: median(values) if values else None for column, values in known.items()}
    return out


def cell(trial: Trial, row: str, column: str) -> float | None:
    """A number of a trial's table, None where there is none."""
    return trial.table.get(row, {}).get(column)


def rows_of(experiment: Experiment, plot: Plot) -> tuple[str, ...]:
    """The rows a plot shows."""
    return plot.rows or tuple(experiment.cases)


def places(experiment: Experiment, base: Setup, plot: Plot) -> list[float]:
    """The cases' values of a plot's field."""
    cases = setups(experiment, base)
    return [float(getattr(cases[row].world if FIELDS[plot.x] is World else cases[row].knobs, plot.x))
            for row in rows_of(experiment, plot)]


def by_seed(experiment: Experiment, plot: Plot, trials: Sequence[Trial], column: str) -> list[list[float | None]]:
    """A column of the plotted rows, a list a seed."""
    return [[cell(trial, row, column) for row in rows_of(experiment, plot)] for trial in trials]


def drawn(experiment: Experiment, base: Setup, trials: Sequence[Trial]) -> dict[str, Any]:
    """The same as SVG: a strip a claim, the experiment's plots, a small picture a seed."""
    strips = {claim.name: strip(found, [t.results[claim.name] for t in trials])
              for claim, found in zip(experiment.claims, findings(experiment, [t.results for t in trials]))}
    return {
        "strips": strips, "plots": [plotted(experiment, base, plot, trials) for plot in experiment.plots],
        "gallery": gallery([(f"{base.exhibit}, seed {t.seed}", t.seed, t.picture) for t in trials if t.picture]),
    }


def strip(found: Any, results: Sequence[Any]) -> str:
    """A claim's strip."""
    return plots.strip([r.value for r in results], [r.null for r in results], found.value, found.null)


def plotted(experiment: Experiment, base: Setup, plot: Plot, trials: Sequence[Trial]) -> str:
    """One of the experiment's plots."""
    names = rows_of(experiment, plot)
    if plot.x not in FIELDS:
        return plots.scatter(plot.x, plot.y[0], {
            row: (over_seeds([cell(t, row, plot.x) for t in trials]),
                  over_seeds([cell(t, row, plot.y[0]) for t in trials])) for row in names})
    columns = {column: [over_seeds(list(values)) for values in zip(*by_seed(experiment, plot, trials, column))]
               for column in plot.y}
    return plots.curves(plot.x, places(experiment, base, plot), columns,
                        experiment.columns.get(plot.y[0], "1"), plot.law, logarithmic(plot.x))


def logarithmic(field: str) -> bool:
    """Whether a field's values are spread evenly in their logarithm."""
    about = FIELDS[field].model_fields[field].json_schema_extra
    return isinstance(about, dict) and about.get("scale") == "log"


def swept(field: str, found: Sequence[overview.Finding]) -> dict[str, str]:
    """A plot of every measure of a sweep over one field, what it is held against beside it."""
    out = {}
    for name in dict.fromkeys(finding.name for finding in found):
        own = [finding for finding in found if finding.name == name]
        if all(math.isnan(finding.estimate.value) for finding in own):
            continue
        columns = {name: [finding.estimate for finding in own]}
        nulls = [math.nan if finding.against is None else finding.against for finding in own]
        if any(map(math.isfinite, nulls)):
            columns["null"] = [Estimate(null, math.nan, math.nan, 0, 0) for null in nulls]
        out[name] = plots.curves(field, [finding.values[0] for finding in own], columns, "", log=logarithmic(field))
    return out


def gallery(shown: Sequence[tuple[str, int, Picture]]) -> list[dict[str, Any]]:
    """Small pictures on one colour scale: the median of the runs' largest heights, so that one wild seed hides none."""
    largest = [max((abs(v) for v in p.values if v is not None), default=0.0) for _, _, p in shown]
    most = median(largest) if largest else 0.0
    return [{"seed": seed, "kind": p.kind, "svg": plots.thumb(p, label, most)} for label, seed, p in shown]


def report(trials: Mapping[str, Sequence[Trial]], command: str, date: str) -> dict[str, Any]:
    """The whole report, JSON-ready."""
    seeds = sorted({trial.seed for own in trials.values() for trial in own})
    return {
        "date": date, "command": command, "seeds": seeds, "versions": versions(),
        "exhibits": {name: summary(EXPERIMENTS[name], build(name, {"seed": seeds[0]}), own)
                     for name, own in trials.items()},
    }


def write(folder: Path, trials: Mapping[str, Sequence[Trial]], command: str, date: str) -> dict[str, Any]:
    """Write FILES into the folder and return the report."""
    found = report(trials, command, date)
    figures = {name: drawn(EXPERIMENTS[name], build(name, {"seed": found["seeds"][0]}), own)
               for name, own in trials.items()}
    page = environment().get_template("publish.html").render(report=found, figures=figures)
    (folder / "report.html").write_text(page, encoding="utf-8")
    text = json.dumps(found, indent=1, allow_nan=False, ensure_ascii=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "findings.md").write_text(markdown(found), encoding="utf-8")
    return found


def environment() -> jinja2.Environment:
    """Templates of this package; everything but the figures is escaped."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    made = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True,
                              undefined=jinja2.StrictUndefined)
    made.filters |= {"number": number, "interval": interval, "held": held}
    return made


def number(value: float | None) -> str:
    """Three digits; a dash for what is undefined."""
    if value is None:
        return "–"
    return f"{value:.3g}" if abs(value) < 1e5 else f"{value:.2e}"


def interval(found: Mapping[str, Any]) -> str:
    """value (low .. high), the interval only where there is one."""
    low, high = number(found["low"]), number(found["high"])
    return number(found["value"]) + ("" if low == high else f" ({low} .. {high})")


def held(holds: Mapping[str, Any]) -> str:
    """How many of the seeds, with Wilson's interval of the share."""
    if not holds["total"]:
        return "–"
    return f"{round(holds['value'] * holds['total'])} of {holds['total']} ({holds['low']:.2f} .. {holds['high']:.2f})"


def markdown(found: Mapping[str, Any]) -> str:
    """The findings as one table, for a README."""
    lines = ["| exhibit | prediction | value | null | seeds in which it holds | verdict |", "|---|---|---|---|---|---|"]
    for name, exhibit in found["exhibits"].items():
        for claim in exhibit["claims"]:
            unit = "" if claim["unit"] == "1" else f" {claim['unit']}"
            against = number(claim["null"]["value"])
            cells = (name, claim["prediction"], interval(claim["value"]) + unit, against, held(claim["holds"]),
                     f"**{claim['verdict']}**")
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    used = ", ".join(f"{name} {value}" for name, value in found["versions"].items())
    seeds = f"seeds {found['seeds'][0]} to {found['seeds'][-1]}"
    lines += ["", f"Medians over {seeds} with 95 % bootstrap intervals, shares with Wilson's; {found['date']}; {used}. "
              f"Repeat: `{found['command']}`."]
    return "\n".join(lines) + "\n"


__all__ = ["FILES", "drawn", "finite", "report", "summary", "swept", "write"]
