"""A run as one HTML file: the player, plotly.js and so many frames, to be opened without server or network."""

import asyncio
import base64
import html
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from app import wire
from app.provenance import provenance
from app.shared import Busy
from app.sight import Look
from app.stream import Runs
from app.text import language, say, words
from toy.link import Setup, query

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SHELL = Path(__file__).with_suffix(".html")
# The browser itself keeps the file from asking anyone for anything.
RULES = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; worker-src blob:; font-src data:; connect-src blob: data:"
)


@dataclass(frozen=True)
class Single:
    """The parts of the file, in order: text before the frames, the steps, text after them."""

    head: str
    steps: list[int]
    tail: str
    setup: Setup
    look: Look

    @property
    def lines(self) -> int:
        """How many lines the file has."""
        return self.head.count("\n") + len(self.steps) + self.tail.count("\n")

    async def parts(self, runs: Runs) -> AsyncIterator[str]:
        """The file bit by bit: head, one line a frame, tail."""
        yield self.head
        for step in self.steps:
            packed = base64.b64encode(await _patient(runs, self.setup, step, self.look)).decode()
            yield f'<script>DIMPLE_RECORDED.frames[{step}]="{packed}"</script>\n'
        yield self.tail


async def single(runs: Runs, setup: Setup, look: Look, events: list[bytes], steps: list[int], own: str = "") -> Single:
    """The file of a run that has told all its `events`; `own` is the link's step and camera."""
    told = [json.loads(line) for line in events]
    for event in told:
        if event["event"] == "ready":
            scene = await _patient(runs, setup, None, look)
            frame = await _patient(runs, setup, steps[-1], look)
            event |= {"scene": wire.unpacked(scene), "frame": wire.unpacked(frame)}
            title, subtitle = event["title"], event["subtitle"]
    recorded = {"link": query(setup) + own, "events": told, "frames": {}}
    head, tail = _page(title, subtitle, provenance(setup), recorded)
    return Single(head, steps, tail, setup, look)


async def _patient(runs: Runs, setup: Setup, step: int | None, look: Look) -> bytes:
    """A gzipped frame, waited for while the server has too much to draw."""
    while True:
        try:
            return await runs.picture(setup, step, look)
        except Busy:
            await asyncio.sleep(0.5)


def _read(*parts: str) -> str:
    return ASSETS.joinpath(*parts).read_text(encoding="utf-8")


def _page(title: str, subtitle: str, about: dict[str, str], recorded: dict[str, Any]) -> tuple[str, str]:
    """The file's text before and after its frames."""
    said = {"title": title, "subtitle": subtitle, "name": words()["app.name"], "measures": words()["page.measures"],
            "export": words()["export.open"], "made": say("single.from", date=about["date"][:10])}
    rows = [(words()[f"single.{name}"], text) for name, text in about.items()]
    player = "\n".join(_read(path.name) for path in sorted(ASSETS.glob("player*.js")))
    scripts = {"gifenc": _read("vendor", "gifenc.js"), "plotly": get_plotlyjs(), "player": player}
    before, after = Template(SHELL.read_text(encoding="utf-8")).substitute(
        {name: html.escape(text) for name, text in said.items()},
        language=language(), rules=RULES,
        metas="\n".join(f'<meta name="dimple-lab:{n}" content="{html.escape(text)}">' for n, text in about.items()),
        about="".join(f"<dt>{html.escape(n)}</dt><dd>{html.escape(text)}</dd>" for n, text in rows),
        styles="\n".join(_read(path.name) for path in sorted(ASSETS.glob("*.css"))),
        text=wire.script(words()), recorded=wire.script(recorded),
        **{name: _script(source) for name, source in scripts.items()},
    ).split("<!--frames-->\n")
    return before, after


def _script(source: str) -> str:
    """JavaScript that may stand inside a <script> element."""
    return source.replace("</script", "<\\/script")
