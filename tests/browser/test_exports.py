"""Files of a run, read back: from the command line all at once, from the page through its dialog."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

import toy
from app.__main__ import main
from app.pick import spaced
from app.text import words
from toy.link import build, query

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.browser

WORLD = {"points_per_side": 3, "codimension": 3, "hidden_layers": 2, "width": 16, "steps": 60, "resolution": 24}
SET = [f"{name}={value}" for name, value in WORLD.items()]
LINK = query(build("dimpled-sheet", WORLD))
KINDS = ("gif", "mp4", "png", "html", "npz", "csv")
STEPS = [0, 5, 20, 60]


def export(*words: str, **environment: str) -> subprocess.CompletedProcess:
    """`python -m app export` in a process of its own: the tests' browser keeps an event loop in this one."""
    command = [sys.executable, "-m", "app", "export", *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Every kind of file, of one run."""
    folder = tmp_path_factory.mktemp("exports")
    paths = {kind: folder / f"tiny.{kind}" for kind in KINDS}
    asked = [word for kind, path in paths.items() for word in (f"--{kind}", str(path))]
    shape = ["--steps", "0,5,20,60", "--size", "320x240", "--scale", "2", "--fps", "5", "--camera", "1.2,1.2,1"]
    done = export("dimpled-sheet", *asked, *shape, "--set", *SET)
    assert done.returncode == 0, done.stderr
    assert sorted(folder.iterdir()) == sorted(paths.values())  # no parts left over
    return paths


def gif_frames(content: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(content)) as image:
        out = []
        for at in range(image.n_frames):
            image.seek(at)
            out.append(np.asarray(image.convert("RGB"), int))
        return out


def caption(frame: np.ndarray) -> np.ndarray:
    """The line that says the step: the foot's upper left."""
    height, width = frame.shape[:2]
    return frame[int(0.89 * height) : int(0.94 * height), : width // 2]


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).mean())


def other(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two captions say something else: more than what packing does to colours."""
    return int(np.abs(a - b).max()) > 90


def provenance(about: dict[str, str]) -> None:
    """What every file says of itself."""
    assert about["exhibit"] == "dimpled-sheet" and about["seed"] == "0"
    assert json.loads(about["world"])["width"] == 16
    assert "jax " in about["versions"] and "dimple-lab " in about["versions"]
    assert about["link"].startswith("?" + LINK) and about["date"].startswith("20")


def comment(gif: bytes) -> dict[str, str]:
    """The comment extension before the trailer."""
    at = gif.rindex(b"\x21\xfe") + 2
    text = b""
    while gif[at]:
        text += gif[at + 1 : at + 1 + gif[at]]
        at += 1 + gif[at]
    return json.loads(text)


def test_gif_and_film_show_the_steps_asked_for_and_end_at_the_last(files):
    png = np.asarray(Image.open(files["png"]).convert("RGB").resize((320, 240)), int)
    gif = gif_frames(files["gif"].read_bytes())
    reader = imageio_ffmpeg.read_frames(str(files["mp4"]))
    meta = next(reader)
    film = [np.frombuffer(raw, np.uint8).reshape(240, 320, 3).astype(int) for raw in reader]
    assert meta["size"] == (320, 240) and meta["fps"] == 5 and meta["codec"] == "h264"
    assert len(gif) == len(STEPS) and len(film) >= len(STEPS)
    for frames in (gif, film[: len(STEPS)]):
        assert all(other(caption(a), caption(b)) for a, b in pairwise(frames))
        # the PNG is of the last step: its words are the last frame's
        assert np.argmin([apart(caption(frame), caption(png)) for frame in frames]) == len(STEPS) - 1


def test_every_file_says_where_it_comes_from(files):
    provenance(comment(files["gif"].read_bytes()))
    with Image.open(files["png"]) as image:
        assert image.size == (640, 480)
        provenance(image.text)
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(files["mp4"]), "-f", "ffmetadata", "-"]
    said = subprocess.run(ffmpeg, capture_output=True, text=True).stdout
    line = next(line for line in said.replace("\\\n", "").splitlines() if line.startswith("comment="))
    provenance(json.loads(line.removeprefix("comment=").replace("\\=", "=").replace("\\\\", "\\").replace("\\;", ";")))
    with np.load(files["npz"]) as arrays:
        provenance(json.loads(str(arrays["header"]))["provenance"])
    lines = files["csv"].read_text().splitlines()
    provenance(dict(line[2:].split(": ", 1) for line in lines if line.startswith("# ") and ": " in line))


def test_recording_and_measures_are_those_of_the_run(files):
    setup = build("dimpled-sheet", WORLD)
    fresh, loaded = toy.simulate(setup.world, setup.knobs), toy.Recording.load(files["npz"])
    assert np.array_equal(fresh.loss, loaded.loss) and loaded.world == setup.world
    rows = list(csv.DictReader(line for line in files["csv"].read_text().splitlines() if not line.startswith("#")))
    assert [int(row["step"]) for row in rows] == fresh.measured_steps
    assert np.array_equal(np.array([float(row["loss"]) for row in rows], np.float32), fresh.loss[fresh.measured_steps])
    assert float(rows[-1]["distance_free_median"]) > 0 and rows[1]["gap"]


def test_the_single_page_needs_nobody(files, chrome):
    context = chrome.new_context(viewport={"width": 1024, "height": 700}, offline=True, accept_downloads=True)
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(files["html"].as_uri())
        page.wait_for_function("window.dimple?.state().shown === 60")  # it plays to its end by itself
        assert "two phases" in page.locator("#verdict").inner_text().lower()
        page.wait_for_function("document.querySelectorAll('#charts .js-plotly-plot').length >= 4")
        assert page.locator("#numbers tr").count() > 10
        foot = page.locator("#picture .caption").bounding_box()  # the page's styles fit the file's elements
        assert foot["y"] + foot["height"] <= page.locator("#timeline").bounding_box()["y"]
        last = page.evaluate("window.dimple.mesh()")
        for _ in range(2):
            page.keyboard.press("ArrowLeft")
        page.wait_for_function("window.dimple.state().shown === 5")  # from carried step to carried step
        assert page.evaluate("window.dimple.mesh()") != last
        eye = page.evaluate("window.dimple.state().camera.eye")
        assert abs(eye["x"] - 1.2) < 0.01 and abs(eye["z"] - 1) < 0.01
        box = page.locator("#picture").bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 150)
        page.mouse.down()
        page.mouse.move(box["x"] + 280, box["y"] + 150, steps=3)
        page.mouse.up()
        assert page.evaluate("window.dimple.state().camera.eye") != eye
        provenance({name: page.locator(f'meta[name="dimple-lab:{name}"]').get_attribute("content")
                    for name in ("exhibit", "seed", "world", "versions", "link", "date")})
        page.locator("footer summary").click()
        expect(page.locator("footer")).to_contain_text("dimple-lab ")
        saved = save(page, "GIF", {"Frames, log-spaced": 3, "Width": 200, "Height": 150})
        assert len(gif_frames(saved)) == 3
        expect(page.get_by_role("radio", name="Recording")).to_have_count(0)  # that is the server's to write
        assert asked[0].startswith("file:") and all(url.startswith("blob:") for url in asked[1:]) and not errors
    finally:
        context.close()


def choose(page: Page, kind: str, values: dict[str, int]) -> None:
    if not page.locator("dialog.export").is_visible():
        page.locator("#export").click()
    page.locator("dialog.export").get_by_text(kind, exact=True).click()
    for label, value in values.items():
        page.locator("dialog.export").get_by_label(label).fill(str(value))


def save(page: Page, kind: str, values: dict[str, int]) -> bytes:
    """What the dialog makes of some options."""
    choose(page, kind, values)
    with page.expect_download(timeout=120_000) as download:
        page.locator("dialog.export").get_by_role("button", name="Save").click()
    expect(page.locator("dialog.export .said")).to_contain_text("Saved")
    return Path(download.value.path()).read_bytes()


def test_the_page_saves_what_is_shown(page, server):
    page.goto(f"{server.url}?{LINK}&arrows=none")
    page.wait_for_function("window.dimple?.state().ready && window.dimple.mesh()?.x.length > 0")
    page.wait_for_function("window.dimple.state().view.arrows === 'none'")
    page.evaluate("window.dimple.seek(20)")
    page.wait_for_function("window.dimple.state().shown === 20")
    png = save(page, "PNG", {"Width": 300, "Height": 200, "Times finer": 4})
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (1200, 800) and "step=20" in image.text["link"] and "arrows=none" in image.text["link"]
        provenance(image.text)
    choose(page, "GIF", {})
    page.get_by_label("every step of a range").check()
    gif = save(page, "GIF", {"First step": 3, "Last step": 6, "Width": 320, "Height": 240, "Camera turns": 90})
    frames = gif_frames(gif)
    assert len(frames) == 4 and all(other(caption(a), caption(b)) for a, b in pairwise(frames))
    assert page.evaluate("window.dimple.state().step") == 20  # back to where it was
    assert b"# exhibit: dimpled-sheet" in save(page, "Measures", {})
    assert zipfile.is_zipfile(io.BytesIO(save(page, "Recording", {})))
    stopped(page)
    page.evaluate("link => window.dimple.compare(link)", f"{LINK}&seed=1")
    page.wait_for_function("window.dimple.state().besideShown === 20")
    saved = []
    page.on("download", lambda file: saved.append(file))
    save(page, "Measures", {})
    assert [file.suggested_filename for file in saved] == ["dimpled-sheet.csv", "dimpled-sheet-beside.csv"]
    assert all(f"# seed: {seed}\n" in Path(file.path()).read_text() for seed, file in enumerate(saved))
    html = save(page, "Page", {"Frames, log-spaced": 4}).decode()
    for run in range(2):
        assert all(f".runs[{run}].frames[{step}]=" in html for step in {*spaced(60, 4), 20})
    assert "step=20&amp;" in html and "arrows=none" in html and html.endswith("</html>\n")


def stopped(page: Page) -> None:
    """A GIF broken off while it is made leaves the page as it was."""
    page.get_by_text("GIF", exact=True).click()
    page.get_by_label("every step of a range").uncheck()
    choose(page, "GIF", {"Frames, log-spaced": 60, "Width": 600, "Height": 450})
    page.locator("dialog.export").get_by_role("button", name="Save").click()
    page.wait_for_function("document.querySelector('dialog.export progress').value > 0")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.export .said")).to_have_text("Stopped.")
    expect(page.locator("dialog.export").get_by_role("button", name="Save")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.export")).to_be_hidden()
    page.wait_for_function("window.dimple.state().step === 20 && window.dimple.state().shown === 20")


def test_a_lesson_with_its_comparison_as_a_picture_and_as_a_page(tmp_path, chrome):
    """Flat pictures, which are drawn a while after they are asked for; Japanese, as the link says."""
    gif, single = tmp_path / "line.gif", tmp_path / "line.html"
    done = export("http://localhost:8050/?lesson=authors-line.4&lang=ja", "--gif", str(gif), "--html", str(single),
                  "--steps", "0,200", "--size", "480x320", "--answer")
    assert done.returncode == 0, done.stderr
    first, last = gif_frames(gif.read_bytes())
    for left in (0, 149):  # both pictures change, the card beside them stands still
        assert apart(first[60:240, left : left + 149], last[60:240, left : left + 149]) > 1
    assert apart(first[:, 310:], last[:, 310:]) < 0.5 and first[60:280, 310:470].std() > 20
    said = words("ja")
    context = chrome.new_context(viewport={"width": 1024, "height": 700}, offline=True, color_scheme="dark")
    try:
        page = context.new_page()
        page.goto(single.as_uri())
        page.wait_for_function("window.dimple?.state().besideShown >= 0 && window.dimple.state().ready")
        card = page.locator("#lesson")
        expect(card).to_contain_text(said["lesson.authors-line.4.ask"])
        expect(page.locator("#numbers")).to_be_hidden()
        card.locator(".choice").first.click()
        expect(card.locator(".answer")).to_have_attribute("data-value", re.compile(r"\d"))
        expect(page.locator("#numbers [data-number=depth_median] .other")).to_have_text(re.compile(r"\d"))
        assert page.locator("#numbers [data-number=depth_median] .other").inner_text() in card.inner_text()
        ground = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(ground)
        switch = page.get_by_role("button", name=said["header.scheme"])
        switch.click()
        assert page.evaluate(ground) != dark
        switch.click()
        assert page.evaluate(ground) == dark
        page.emulate_media(color_scheme="light")  # what the viewer's system says next holds again
        page.wait_for_function("document.documentElement.dataset.mantineColorScheme === 'light'")
    finally:
        context.close()


@pytest.mark.parametrize("flag, value", [
    ("--steps", "5,3x"), ("--steps", "0,61"), ("--steps", "20..10"), ("--turn", "99999"), ("--scale", "0"),
    ("--camera", "1,2"), ("--fps", "0"), ("--frames", "1"), ("--size", "9x9"), ("--png", "no/such/a.png"),
])
def test_a_wrong_value_is_named_before_any_training(flag, value, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("app.export.write", lambda *_: pytest.fail("it went to work"))
    wanted = {"--png": str(tmp_path / "a.png"), flag: value}
    assert main(["export", "dimpled-sheet", "--set", *SET, *(word for pair in wanted.items() for word in pair)]) == 2
    assert f"{flag} must be" in capsys.readouterr().err


def test_a_wrong_look_and_a_wrong_link_are_named(tmp_path, capsys):
    for asked, field in ((["dimpled-sheet", "--look", "tone=1"], "--look"), (["?exhibit=nothing"], "exhibit"),
                         (["dimpled-sheet", "--with", "width=0"], "width")):
        assert main(["export", *asked, "--csv", str(tmp_path / "a.csv")]) == 2
        assert f"{field} must be" in capsys.readouterr().err


def test_data_needs_no_browser_and_pictures_say_how_to_get_one(tmp_path, capsys, monkeypatch):
    tiny = ["dimpled-sheet", "--set", *SET, "steps=5"]
    table, single, data = tmp_path / "a.csv", tmp_path / "a.html", tmp_path / "a.npz"
    done = export(*tiny, "--with", "seed=1", "--csv", str(table), "--html", str(single), "--npz", str(data),
                  "--frames", "2", PATH="")
    assert done.returncode == 0 and single.exists(), done.stderr
    for seed, mark in enumerate(("", "-beside")):  # a file of each for each run
        run = toy.simulate(*(build("dimpled-sheet", {**WORLD, "steps": 5, "seed": seed}).run[:2]))
        assert np.array_equal(toy.Recording.load(data.with_stem(f"a{mark}")).loss, run.loss)
        assert f"# seed: {seed}\n" in table.with_stem(f"a{mark}").read_text()
    monkeypatch.setenv("PATH", "")
    for asked, said in ((["--png", str(tmp_path / "a.png")], "install one"), ([], "--csv")):
        assert main(["export", *tiny, *asked]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("last, count", [(0, 2), (1, 60), (5, 3), (60, 60), (400, 60), (400, 400), (100_000, 60)])
def test_spaced_steps_are_as_many_as_asked_for_with_both_ends(last, count):
    steps = spaced(last, count)
    assert len(steps) == min(count, last + 1) and steps[0] == 0 and steps[-1] == (last if len(steps) > 1 else 0)
    assert all(b > a for a, b in pairwise(steps))
