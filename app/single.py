"""What is shown as one HTML file: the player, plotly.js and so many frames, to be opened without server or network."""

import asyncio
import base64
import html
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from app import lessons, wire
from app.provenance import provenance
from app.shared import Busy
from app.shown import LAST, Shown
from app.sight import LOOKS, Look
from app.stream import Runs
from app.text import language, say, words
from toy.errors import FieldError
from toy.link import Setup, parse, query

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SHELL = Path(__file__).with_suffix(".html")
# The browser itself keeps the file from asking anyone for anything.
RULES = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; worker-src blob:; font-src data:; connect-src blob: data:"
)


@dataclass(frozen=True)
class Carried:
    """A run in the file: its link, what it told, and the steps whose frames come with it."""

    link: str
    setup: Setup
    events: list[dict[str, Any]]
    steps: list[int]

    def told(self, kind: str) -> dict[str, Any]:
        """The run's event of a kind, {} if there was none."""
        return next((event for event in self.events if event["event"] == kind), {})


@dataclass(frozen=True)
class Single:
    """The parts of the file, in order: text before the frames, the frames, text after them.

    shown: with its step as a number, where it opens at one; step: the one looked at; steps: those asked for.
    """

    head: str
    runs: list[Carried]
    tail: str
    shown: Shown
    step: int
    steps: list[int]

    @property
    def lines(self) -> int:
        """How many lines the file has."""
        return self.head.count("\n") + sum(len(run.steps) for run in self.runs) + self.tail.count("\n")

    async def parts(self, runs: Runs) -> AsyncIterator[str]:
        """The file bit by bit: head, one line a frame, tail."""
        yield self.head
        for at, run in enumerate(self.runs):
            for step in run.steps:
                packed = base64.b64encode(await _patient(runs, run.setup, step, self.shown.look)).decode()
                yield f'<script>DIMPLE_RECORDED.runs[{at}].frames[{step}]="{packed}"</script>\n'
        yield self.tail


async def single(
    runs: Runs, shown: Shown, chosen: Callable[[int], list[int]], tell: Callable[[bytes], object] = len
) -> Single:
    """The file of what is shown, its runs trained and measured first; `chosen` says which steps of 0 .. last it is to
    carry, `tell` hears the events. RunFailed; FieldError for a step that the run has not."""
    most = shown.setup.knobs.steps
    if isinstance(shown.step, int) and shown.step > most:  # said before an hour of training, not after
        raise FieldError("step", f"a whole number between 0 and {most}", shown.step)
    first = await _told(runs, shown.setup, tell)
    last = first.told("ready")["last_step"]
    if isinstance(shown.step, int) and shown.step > last:
        raise FieldError("step", f"a whole number between 0 and {last}", shown.step)
    steps, step = chosen(last), _step(first, shown.step, last)
    if shown.step != LAST or shown.lesson:  # else it plays
        shown = replace(shown, step=step)
    carried = [replace(first, steps=sorted({*steps, step}))]
    if shown.beside:
        carried.append(_beside(await _told(runs, shown.beside, tell), carried[0]))
    for run in carried:
        scene = await _patient(runs, run.setup, None, shown.look)
        frame = await _patient(runs, run.setup, run.steps[-1], shown.look)
        run.told("ready").update(scene=wire.unpacked(scene), frame=wire.unpacked(frame))
    there = {run.link for run in carried}
    carried += [await _weighed(runs, link, tell) for link in _asked(shown) if link not in there]
    head, tail = _page(shown, carried)
    return Single(head, carried, tail, shown, step, steps)


async def _told(runs: Runs, setup: Setup, tell: Callable[[bytes], object]) -> Carried:
    """A run with all it has to tell."""
    run = await runs.finished(setup, tell)
    return Carried(query(setup), setup, [json.loads(line) for line in run.after(0)[1]], [])


def _step(run: Carried, step: int | str, last: int) -> int:
    """The number of a step; the last one where there is no such phase."""
    found = run.told("phases").get("found", {}).get(step) if isinstance(step, str) else step
    return last if found is None else found


def _beside(run: Carried, first: Carried) -> Carried:
    """The second run with the steps that stand beside those of the first: as many updates of the net."""
    ready, shift = run.told("ready"), first.told("ready")["base"] - run.told("ready")["base"]
    return replace(run, steps=sorted({min(ready["last_step"], max(0, step + shift)) for step in first.steps}))


def _asked(shown: Shown) -> list[str]:
    """Links of the runs in which a lesson's question is measured."""
    if not shown.lesson:
        return []
    exhibit, number = shown.lesson
    steps, ask = lessons.script()[exhibit], lessons.LESSONS[exhibit][number - 1].ask
    return sorted({steps[(value.run or number) - 1]["link"] for value in (ask.value, ask.over) if value})


async def _weighed(runs: Runs, link: str, tell: Callable[[bytes], object]) -> Carried:
    """A run of which a question takes a number: without pictures."""
    run = replace(await _told(runs, parse(link), tell), link=link)
    run.told("ready").update(scene={}, frame={}, charts=[])
    return run


async def _patient(runs: Runs, setup: Setup, step: int | None, look: Look) -> bytes:
    """A gzipped frame, waited for while the server has too much to draw."""
    while True:
        try:
            return await runs.picture(setup, step, look)
        except Busy:
            await asyncio.sleep(0.5)


def _read(*parts: str) -> str:
    return ASSETS.joinpath(*parts).read_text(encoding="utf-8")


def _page(shown: Shown, carried: list[Carried]) -> tuple[str, str]:
    """The file's text before and after its frames."""
    ready, about = carried[0].told("ready"), provenance(shown.setup, shown.query)
    said = {"title": ready["title"], "subtitle": ready["subtitle"], "name": words()["app.name"],
            "measures": words()["page.measures"], "export": words()["export.open"], "scheme": words()["header.scheme"],
            "made": say("single.from", date=about["date"][:10])}
    rows = [(words()[f"single.{name}"], text) for name, text in about.items()]
    recorded = {"link": shown.query, "runs": [{"link": run.link, "events": run.events, "frames": {}}
                                              for run in carried]}
    taught = {shown.lesson[0]: lessons.script()[shown.lesson[0]]} if shown.lesson else None
    player = "\n".join(_read(path.name) for path in sorted(ASSETS.glob("player*.js")))
    scripts = {"gifenc": _read("vendor", "gifenc.js"), "plotly": get_plotlyjs(), "player": player}
    before, after = Template(SHELL.read_text(encoding="utf-8")).substitute(
        {name: html.escape(text) for name, text in said.items()},
        language=language(), rules=RULES,
        metas="\n".join(f'<meta name="dimple-lab:{n}" content="{html.escape(text)}">' for n, text in about.items()),
        about="".join(f"<dt>{html.escape(n)}</dt><dd>{html.escape(text)}</dd>" for n, text in rows),
        styles="\n".join(_read(path.name) for path in sorted(ASSETS.glob("*.css"))),
        text=wire.script(words()), recorded=wire.script(recorded), lessons=wire.script(taught),
        looks=wire.script(list(LOOKS)),
        **{name: _script(source) for name, source in scripts.items()},
    ).split("<!--frames-->\n")
    return before, after


def _script(source: str) -> str:
    """JavaScript that may stand inside a <script> element."""
    return source.replace("</script", "<\\/script")
