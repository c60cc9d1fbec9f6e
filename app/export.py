"""Exports from the command line: what a link shows, as many files of it as asked for.

Pictures are drawn by the page's own player: the single HTML file, opened in a headless browser. So a file shows what a
viewer sees.
"""

import asyncio
import base64
import importlib.util
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app import browser, pick, tables
from app.provenance import provenance
from app.shown import Shown
from app.single import single
from app.stream import Runs
from app.text import language, say, speaking
from toy.cache import use_compilation_cache
from toy.errors import FieldError
from toy.files import whole_file, writable

PICTURES = ("gif", "mp4", "png")  # these need a browser
FRAMES = 60
BESIDE = "-beside"  # ends the names of a second run's data files
HOME = "https://dimple-lab.invalid/"  # no such host: the page is handed over, and all else is refused
NOMINAL = 600  # height in page pixels of any picture, so that labels and marks have one size in all of them
READY = """() => {
  const { ready, shown, beside, besideShown } = window.dimple?.state() ?? {};
  return ready && shown >= 0 && (!beside || besideShown !== null);
}"""
CODED = """const coded = (blob) => new Promise((resolve) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.readAsDataURL(blob);
});"""
GIF = f"async (given) => {{ {CODED} return coded(await window.dimple.gif({{ ...given, onProgress: window.told }})); }}"
PNG = f"async (given) => {{ {CODED} return coded(await window.dimple.png(given)); }}"

Tell = Callable[[str, float | None], None]  # what is being done, and which share of it is


@dataclass(frozen=True)
class Job:
    """What to write: a file for each kind of `files`, checked before anything is trained; FieldError names the flag.

    steps: as `pick.read` takes them, "" for `frames` log-spaced ones; size in pixels; fps; scale of the PNG; turn:
    degrees the camera goes round during GIF and MP4; answer: whether a lesson's question is answered in pictures.
    The recording and the measures of a second run go to files of their own, NAME-beside.
    """

    shown: Shown
    files: dict[str, Path]
    steps: str = ""
    frames: int = FRAMES
    size: tuple[int, int] = (800, 600)
    fps: int = 12
    scale: float = 1
    turn: float = 0
    answer: bool = False

    def __post_init__(self) -> None:
        if not self.files:
            raise FieldError("--gif, --mp4, --png, --html, --npz, --csv", "given, one of them at least", "none")
        for kind, path in self.files.items():
            flag = f"--{kind}"
            if not path.resolve().parent.is_dir() or path.is_dir():
                raise FieldError(flag, "a file in a folder that exists", str(path))
            if same := [other for other in self.files if other < kind and self.files[other] == path]:
                raise FieldError(flag, f"another file than --{same[0]}", str(path))
            writable(flag, path)
        if self.steps:
            pick.read("--steps", self.steps, self.shown.setup.knobs.steps)
        for flag, value, low, high in (
            ("--frames", self.frames, 2, pick.MOST), ("--size", self.size[0], 100, 4000),
            ("--size", self.size[1], 100, 4000), ("--fps", self.fps, 1, 50), ("--scale", self.scale, 0.25, 8),
            ("--turn", self.turn, -3600, 3600),
        ):
            if not low <= value <= high:
                raise FieldError(flag, f"between {low} and {high}", value)
        _check_tools(self.files)

    def chosen(self, last: int) -> list[int]:
        """The steps to show of a run that ended at step `last`."""
        return pick.read("--steps", self.steps, last) if self.steps else pick.spaced(last, self.frames)


def _check_tools(files: dict[str, Path]) -> None:
    """FileNotFoundError or ImportError say how to get what is missing."""
    if any(kind in files for kind in PICTURES):
        if not importlib.util.find_spec("playwright"):
            raise ImportError(say("export.playwright"))
        browser.find()
    if "mp4" in files and not importlib.util.find_spec("imageio_ffmpeg"):
        raise ImportError(say("export.ffmpeg"))


def nothing(_what: str, _share: float | None) -> None:
    """For whom progress does not matter."""


def write(job: Job, tell: Tell = nothing) -> None:
    """Train once and write every file. FieldError, RunFailed; files are whole or absent."""
    with speaking(job.shown.lang or language()):
        _write(job, tell)


def _write(job: Job, tell: Tell) -> None:
    text, steps, step = gathered(job, tell)
    if not any(kind in job.files for kind in PICTURES):
        return
    with player(text, job, tell) as page:
        width, height = job.size
        options = {"steps": steps, "width": width, "height": height, "fps": job.fps, "turn": job.turn}
        if path := job.files.get("gif"):
            _put(path, base64.b64decode(page.evaluate(GIF, options)))
        if path := job.files.get("mp4"):
            _film(page, path, job, steps, tell)
        if path := job.files.get("png"):
            picture = {"width": width, "height": height, "scale": job.scale, "step": steps[-1] if job.steps else step}
            _put(path, base64.b64decode(page.evaluate(PNG, picture)))


def gathered(job: Job, tell: Tell = nothing) -> tuple[str, list[int], int]:
    """Run, measure, draw; write what needs no browser. The single HTML file, its steps, and the one looked at."""
    use_compilation_cache()
    return asyncio.run(_gathered(job, tell))


async def _gathered(job: Job, tell: Tell) -> tuple[str, list[int], int]:
    runs = Runs()
    try:
        heard = partial(_heard, tell)
        await _data(runs, job, heard)
        if not {"html", *PICTURES} & set(job.files):
            return "", [], 0
        made = await single(runs, job.shown, job.chosen, heard)
        parts = []
        async for part in made.parts(runs):
            parts.append(part)
            tell(say("export.drawing"), len(parts) / (2 + sum(len(run.steps) for run in made.runs)))
        text = "".join(parts)
        if path := job.files.get("html"):
            _put(path, text.encode())
        return text, made.steps, made.step
    finally:
        runs.close()


async def _data(runs: Runs, job: Job, heard: Callable[[bytes], object]) -> None:
    """The recording and the measures of each run, where they are asked for."""
    if not {"npz", "csv"} & set(job.files):
        return
    for setup, mark in zip(job.shown.setups, ("", BESIDE), strict=False):
        run = await runs.finished(setup, heard)
        recording = await runs.recording(setup)
        if path := job.files.get("npz"):
            _put(path.with_stem(path.stem + mark), tables.npz(setup, recording))
        if path := job.files.get("csv"):
            _put(path.with_stem(path.stem + mark), tables.table(setup, recording, run.columns).encode())


def _heard(tell: Tell, line: bytes) -> None:
    event = json.loads(line)
    if event["event"] == "progress":
        tell(say(f"export.{event['what']}"), event["step"] / max(1, event["steps"]))


def _put(path: Path, content: bytes) -> None:
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def player(text: str, job: Job, tell: Tell = nothing) -> Iterator[Any]:
    """The file of what is shown, open in a headless browser that can reach nothing else."""
    from playwright.sync_api import sync_playwright

    scale = job.size[1] / NOMINAL
    width = round(job.size[0] / scale)
    with sync_playwright() as play:
        chrome = play.chromium.launch(executable_path=browser.find(), args=list(browser.FLAGS))
        try:
            page = chrome.new_page(viewport={"width": max(1024, width), "height": 700}, device_scale_factor=scale,
                                   reduced_motion="reduce", color_scheme="light")
            page.set_default_timeout(0)
            page.route("**/*", lambda route: route.fulfill(body=text, content_type="text/html; charset=utf-8")
                       if route.request.url == HOME else route.abort())
            page.expose_function("told", lambda share: tell(say("export.pictures"), share))
            page.goto(HOME)
            page.wait_for_function(READY, timeout=120_000)
            if job.answer:
                page.evaluate("() => window.dimple.answer()")
            page.evaluate("([width, height]) => window.dimple.fit(width, height)", [width, NOMINAL])
            yield page
        finally:
            chrome.close()


def _film(page: Any, path: Path, job: Job, steps: list[int], tell: Tell) -> None:
    """An H.264 film: pictures captured by the player, piped to ffmpeg as they come; the last one stays a while."""
    import imageio_ffmpeg

    about = provenance(job.shown.setup, job.shown.query)
    part = path.with_name(path.name + ".part")
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-f", "image2pipe", "-framerate", str(job.fps),
        "-c:v", "png", "-i", "-", "-vf", "tpad=stop_mode=clone:stop_duration=1.5,pad=ceil(iw/2)*2:ceil(ih/2)*2",
        "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart",
        "-metadata", f"title={about['exhibit']}", "-metadata", f"comment={json.dumps(about)}", "-f", "mp4", str(part),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.stdin and ffmpeg.stderr
        try:
            for at, step in enumerate(steps):
                angle = job.turn * at / max(1, len(steps) - 1)
                picture = {"width": job.size[0], "height": job.size[1], "step": step, "angle": angle}
                ffmpeg.stdin.write(base64.b64decode(page.evaluate(PNG, picture)))
                tell(say("export.film"), (at + 1) / len(steps))
            ffmpeg.stdin.close()
            said = ffmpeg.stderr.read().decode(errors="replace")
            if ffmpeg.wait():
                raise OSError(say("export.ffmpeg_failed", said=said[-300:]))
            _put(path, part.read_bytes())
        finally:
            ffmpeg.kill()
            part.unlink(missing_ok=True)
