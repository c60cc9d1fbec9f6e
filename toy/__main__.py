"""python -m toy list | run | sweep | report: the simulator without a page."""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table

from toy import overview, report, sweep
from toy.cache import use_compilation_cache
from toy.divergence import causes
from toy.errors import FieldError, one_of
from toy.exhibits import EXHIBITS
from toy.experiments import EXPERIMENTS
from toy.files import writable
from toy.link import Setup, build, pairs, query
from toy.recording import Recording, simulate


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m toy", description="Dimple Lab's simulator, without a page.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="exhibits and their worlds")
    run = commands.add_parser("run", help="train one world, measure it, print the numbers")
    run.add_argument("name", metavar="NAME", help="an exhibit of `list`")
    run.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE",
                     help="change fields of World or Knobs")
    run.add_argument("--seed", help="the same as --set seed=N")
    run.add_argument("--out", metavar="FILE.npz", help="save the recording")
    run.add_argument("--json", action="store_true", help="one JSON object on stdout instead of a table")
    many = commands.add_parser("sweep", help="run one world over seeds and values, one row a run into a CSV file; "
                                             "broken off, the same command goes on")
    many.add_argument("name", metavar="NAME", help="an exhibit of `list`")
    many.add_argument("--vary", nargs="+", action="extend", default=[], metavar="FIELD=VALUE,VALUE,...",
                      help="values to run; several fields: every combination")
    many.add_argument("--seeds", default="1", metavar="N", help="seeds of each combination (default 1)")
    many.add_argument("--first-seed", default="0", metavar="N", help="the first of them (default 0)")
    many.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE",
                      help="change fields of World or Knobs")
    many.add_argument("--workers", default="1", metavar="N", help="processes (default 1)")
    many.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of this dask scheduler instead")
    many.add_argument("--out", required=True, metavar="FILE.csv", help="the rows; what it holds is not run again")
    many.add_argument("--summary", action="store_true",
                      help="print medians over seeds with 95 %% intervals, and slopes over codimension")
    told = commands.add_parser("report", help="rerun every exhibit's experiment over seeds; write one HTML page, JSON "
                                              "and a table of findings; broken off, the same command goes on")
    told.add_argument("--out", required=True, metavar="DIR", help="where to write; what it holds is not run again")
    told.add_argument("--seeds", default="8", metavar="N", help="seeds of each experiment (default 8)")
    told.add_argument("--first-seed", default="0", metavar="N", help="the first of them (default 0)")
    told.add_argument("--workers", default="1", metavar="N", help="processes (default 1)")
    told.add_argument("--only", nargs="+", metavar="EXHIBIT", help="these exhibits instead of all")
    return parser


def setup_of(name: str, settings: list[str], seed: str | None) -> Setup:
    """The setup that NAME, --set and --seed mean; FieldError names what is wrong."""
    values = pairs("--set", settings)
    if seed is not None:
        values["seed"] = seed
    return build(name, values)


def list_exhibits() -> None:
    """Print each exhibit with its data, its net and how that is trained."""
    table = Table(Column("exhibit", no_wrap=True), "data", "net and training", box=SIMPLE)
    for name, exhibit in EXHIBITS.items():
        world, knobs = exhibit.world, exhibit.knobs
        table.add_row(name, f"{world.point_count} points on a {world.manifold} in R^{world.n}, {world.labels}",
                      f"{world.hidden_layers} x {world.width} {world.activation}, {world.init}; "
                      f"{world.optimizer} {knobs.learning_rate:g}, {knobs.steps} steps")
    Console().print(table)


def run(setup: Setup, out: str | None, as_json: bool) -> None:
    """Train, measure and print one world; a progress bar on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        training = bar.add_task("training", total=setup.knobs.steps)
        began = time.perf_counter()
        recording = simulate(setup.world, setup.knobs,
                             lambda r: bar.update(training, completed=min(len(r.loss), setup.knobs.steps)),
                             origin=setup.origin)
        seconds = time.perf_counter() - began
        unsaved = save(recording, out) if out is not None else None
        measuring = bar.add_task("measuring", total=None)
        numbers = report.summary(setup, recording, seconds,
                                 lambda done, total: bar.update(measuring, completed=done, total=total))
    if as_json:
        print(json.dumps(numbers, allow_nan=False))
    else:
        table = Table("measure", "value", title=query(setup))
        for name, value in numbers.items():
            if name != "world":
                table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
        Console().print(table)
    if recording.diverged_at is not None:
        found = causes(recording, EXHIBITS[setup.exhibit].knobs)
        why = " or ".join(f"{name}={getattr(setup.knobs, name):g} (at {value:g} it goes on)"
                          for name, value in found.items()) or "no single setting"
        print(f"The loss was not finite at step {recording.diverged_at}: training stopped there. "
              f"Likely cause: {why}.", file=sys.stderr)
    if recording.one_class:
        print("All points have the same label: nothing has to be separated, and dimples are not defined.",
              file=sys.stderr)
    if unsaved:
        raise unsaved


def save(recording: Recording, out: str) -> FieldError | None:
    """Save the recording; what is wrong with --out, if anything, to be raised once the numbers are printed."""
    try:
        recording.save(out)
    except OSError as error:
        return FieldError("--out", "a file with room for the recording", out, error.strerror or str(error))
    return None


def make_sweep(args: argparse.Namespace) -> None:
    """Make the runs of a sweep, a progress bar on stderr, and print what they say if asked."""
    vary = {field: values.split(",") for field, values in pairs("--vary", args.vary).items()}
    planned = sweep.plan(args.name, vary, args.seeds, args.first_seed, pairs("--set", args.set))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        runs = bar.add_task("runs")
        rows = sweep.run(planned, args.out, args.workers, args.scheduler,
                         lambda done, total: bar.update(runs, completed=done, total=total))
    if args.summary:
        print_findings(planned.varied, overview.findings(rows, planned.varied))
        others = [field for field in planned.varied if field != "codimension"]
        print_findings(others, overview.slopes(rows, planned.varied))


def make_report(args: argparse.Namespace) -> None:
    """Make the trials a report lacks, a progress bar on stderr, and write it; the findings on stdout."""
    from toy import publish, trials  # plots take a second to load, which the other commands need not wait for

    names = list(dict.fromkeys(args.only or EXPERIMENTS))
    for name in names:
        if name not in EXPERIMENTS:
            raise FieldError("--only", one_of(EXPERIMENTS), name)
    seeds, first = sweep.whole("--seeds", args.seeds, 1), sweep.whole("--first-seed", args.first_seed, 0)
    if seeds > sweep.MOST_RUNS:
        raise FieldError("--seeds", f"at most {sweep.MOST_RUNS}", seeds)
    sweep.check_seeds(first, seeds)
    workers, folder = sweep.whole("--workers", args.workers, 1), Path(args.out)
    if not args.out:
        raise FieldError("--out", "a folder that can be made", args.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FieldError("--out", "a folder that can be made", args.out, error.strerror or "") from None
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        found = trials.collect(
            folder, names, range(first, first + seeds), workers,
            lambda done, total, going: bar.update(task, completed=done, total=total, description=going))
    command = f"python -m toy report --seeds {seeds} --first-seed {first} --out DIR"
    command += f" --only {' '.join(args.only)}" if args.only else ""
    written = publish.write(folder, found, command, datetime.now().astimezone().date().isoformat())
    for name, exhibit in written["exhibits"].items():
        table = Table(Column("prediction", ratio=2), "holds in", "verdict", title=name, box=SIMPLE)
        for claim in exhibit["claims"]:
            table.add_row(claim["prediction"], publish.held(claim["holds"]), claim["verdict"])
        Console().print(table)
    print("\n".join(str(folder / file) for file in publish.FILES))


def print_findings(varied: Sequence[str], found: list[overview.Finding]) -> None:
    """Print a table for each combination of the varied values, a line a finding."""
    for values, lines in groupby(found, lambda finding: finding.values):
        title = ", ".join(f"{name}={value}" for name, value in zip(varied, values))
        table = Table("measure", "value", "95 % interval", "held against", "seeds", title=title or None, box=SIMPLE)
        for _, name, got, against in lines:
            value, low, high, null = ("-" if number is None or math.isnan(number) else f"{number:.3g}"
                                      for number in (got.value, got.low, got.high, against))
            table.add_row(name, value, f"{low} .. {high}", null,
                          str(got.total) if got.used == got.total else f"{got.used} of {got.total}")
        Console().print(table)


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0, or 2 with a message on stderr when a value is wrong."""
    args = arguments().parse_args(argv)
    try:
        return _command(args)
    except BrokenPipeError:  # whoever read the output has gone; Python would complain once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (FieldError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = "; what is finished is kept, and the same command goes on" if args.command in ("sweep", "report") else ""
        print(f"broken off{kept}", file=sys.stderr)
        return 130


def _command(args: argparse.Namespace) -> int:
    if args.command == "list":
        list_exhibits()
        return 0
    if args.command in ("sweep", "report"):
        use_compilation_cache()
        (make_sweep if args.command == "sweep" else make_report)(args)
        return 0
    setup = setup_of(args.name, args.set, args.seed)
    if args.out is not None:
        writable("--out", args.out)
    use_compilation_cache()
    run(setup, args.out, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
