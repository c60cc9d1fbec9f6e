"""Pictures: frames agree with scenes, keep their size, and say what is missing."""

import base64
import json
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from app import charts, marks, mesh, report, sight, views, wire
from app.sight import LOOKS, Look
from app.text import words
from toy import FieldError, Knobs, View, World, boundary, simulate, windows
from toy.exhibits import EXHIBITS
from toy.link import build
from toy.phases import READ

SMALL = {"hidden_layers": 2, "width": 16}
WORLDS = {
    "slice": (World(**SMALL), Knobs(steps=60)),
    "line": (World(manifold="line", labels="alternating", codimension=1, **SMALL), Knobs(steps=60)),
    "line-slice": (World(manifold="line", labels="alternating", codimension=9, **SMALL), Knobs(steps=60)),
    "sphere": (World(manifold="sphere", codimension=1, **SMALL), Knobs(steps=60)),
    "unrolled": (World(manifold="torus", codimension=5, **SMALL), Knobs(steps=60)),
}


LOOKED = [  # arrows are another computation in each world, the rest is only drawn otherwise
    (world, Look(**{name: value})) for name, allowed in LOOKS.items() for value in allowed
    for world in (WORLDS if name == "arrows" else ("slice", "line"))
]


@pytest.fixture(scope="module", params=WORLDS)
def seen(request):
    recording = simulate(*WORLDS[request.param])
    view = View(resolution=24)
    return recording, windows.window(recording, view), view


@pytest.mark.parametrize("seen, look", LOOKED, indirect=["seen"])
def test_scene_and_frame_agree_and_plotly_accepts_them(seen, look):
    recording, window, view = seen
    scene, frame = views.picture(recording, window, view, recording.last_step, look)
    figure = go.Figure(mesh.whole(json.loads(wire.dumps(scene))))
    assert len(figure.data) == len(scene["data"]) > 4
    assert scene["layout"]["uirevision"]
    for i, part in zip(frame["traces"], frame["data"], strict=True):
        assert part.items() <= scene["data"][i].items()


def test_frames_of_all_steps_move_the_same_traces(seen):
    recording, window, view = seen
    frames = [views.picture(recording, window, view, step, Look())[1] for step in (0, 7, recording.last_step)]
    assert len({tuple(frame["traces"]) for frame in frames}) == 1
    assert [frame["name"] for frame in frames] == ["0", "7", str(recording.last_step)]
    assert all(frame["meta"]["caption"] for frame in frames)


@pytest.mark.parametrize("arrows", ["free", "parts", "split"])
def test_every_point_of_a_crowded_world_has_its_arrow_and_a_draft_of_it_the_same_of_some(arrows):
    recording = simulate(World(points_per_side=12, **SMALL), Knobs(steps=60))
    view = View(resolution=24)
    window, look = windows.window(recording, view), Look(arrows=arrows)
    whole = sight.see(recording, window, view, 60, look)
    some = sight.see(recording, window, view, 60, look, most_arrows=sight.DRAFT_ARROWS)
    assert len(whole.heads) == len(some.heads) == 144
    for part in ("heads", "on_heads"):
        full, few = np.asarray(getattr(whole, part)), np.asarray(getattr(some, part))
        assert len(full) == len(few)
        ends, kept = np.isfinite(full).all(1), np.isfinite(few).all(1)
        assert kept.sum() <= 100 and (not len(full) or ends.sum() > 100) and not (kept & ~ends).any()
        np.testing.assert_allclose(few[kept], full[kept], atol=2e-5)
    np.testing.assert_array_equal(some.tails[~np.isfinite(some.heads).all(1)],
                                  whole.points[~np.isfinite(some.heads).all(1)])


def test_step_outside_the_recording_is_refused(seen):
    recording, window, view = seen
    with pytest.raises(FieldError, match="step must be"):
        views.picture(recording, window, view, recording.last_step + 1, Look())


@pytest.mark.parametrize("exhibit, seed", [("dimpled-sheet", 1), ("where-it-fails", 1), ("wave", 2)])
def test_a_frame_takes_80_kB_at_most_also_where_the_boundary_is_dense(exhibit, seed):
    setup = build(exhibit, {"steps": 400, "seed": seed})
    recording = simulate(setup.world, setup.knobs)
    window = windows.window(recording, setup.view)
    _, frame = views.picture(recording, window, setup.view, 400, Look(colour="gradient"))  # a number a vertex more
    assert len(wire.compressed(frame)) <= 80_000
    assert len(mesh.whole(frame)["data"][0]["i"]) > 10_000


def test_no_boundary_is_said_and_drawn_as_nothing():
    world, knobs = WORLDS["slice"]
    recording = simulate(world, knobs.replace(steps=2))
    window = windows.window(recording, View(half_height=0.001, resolution=24))
    _, frame = views.picture(recording, window, View(half_height=0.001, resolution=24), 0, Look())
    if "mesh" not in frame["data"][0]:
        assert "not in this window" in frame["meta"]["caption"]


def test_unknown_look_is_refused():
    with pytest.raises(FieldError, match="colour must be one of"):
        Look(colour="pink")


def smooth(z):
    """A boundary in several pieces."""
    return np.asarray(np.sin(7 * z[:, 0]) * np.cos(6 * z[:, 1]) + np.sin(40 * z[:, 2] + 2 * z[:, 0]))


def rough(z):
    """Signs as good as random: every way to cut a cell, vertices inside cells among them."""
    return np.sin(z @ [1203.1, 2801.3, 4103.7]) * np.sin(z @ [311.0, 777.0, 1555.0])


@pytest.mark.parametrize("field", [smooth, rough])
def test_a_folded_mesh_unfolds_to_the_same_triangles(field):
    low = np.array([-1.0, 0.0, -0.2])
    found = boundary.extract(field, low, [1.0, 1.5, 0.2], 24)
    node = np.floor(found.nodes)
    between = found.nodes > node
    axis = np.where(between.sum(1) == 1, between.argmax(1), 3)
    assert (axis == 3).any() == (field is rough)
    order = np.lexsort((axis, *node.T[::-1]))
    tone = np.arange(len(order)) % 256
    back = mesh.unfolded(json.loads(wire.dumps(mesh.folded(found, low, tone)))["mesh"])
    vertices, faces = np.stack([back[a] for a in "xyz"], 1), np.stack([back[a] for a in "ijk"], 1)
    assert np.abs((vertices - found.vertices[order]) / found.spacing).max() < 0.51 / mesh.PLACES
    assert back["intensity"] == wire.pack(tone[order].astype(np.uint8))

    def turned(f):
        """Triangles as a set, whichever vertex comes first."""
        return {tuple(np.roll(row, -row.argmin()).tolist()) for row in f}

    assert len(faces) == len(found.faces) and turned(np.argsort(order)[found.faces]) == turned(faces)


@pytest.mark.parametrize("low,high", [(0.0, 1.0), (-0.06, 1.06), (-1e-3, 1e-3), (-3.0, 40.0)])
def test_rounding_stays_below_its_promise(low, high):
    values = np.random.default_rng(1).uniform(low, high, 500)
    assert np.abs(wire.rounded(values, low, high) - values).max() <= (high - low) / 4000


def test_arrows_keep_their_number_and_end_where_they_should():
    low, high, aspect = np.zeros(3), np.array([1.0, 1.0, 0.1]), np.array([1.3, 1.3, 0.75])
    tails, heads = np.full((2, 3), 0.02), np.array([[0.5, 0.5, 0.05], [np.nan] * 3])
    mesh = marks.arrow_mesh(tails, heads, low, high, aspect).reshape(2, -1, 3)
    assert np.allclose(mesh[0, -1], heads[0]) and np.allclose(mesh[1], tails[1])
    assert marks.arrow_faces(2).max() == 2 * mesh.shape[1] - 1


def test_chained_curve_has_every_segment_once():
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    vertices = np.stack([np.cos(angle), np.sin(angle)], 1)
    pairs = np.stack([np.arange(20), (np.arange(20) + 1) % 20], 1)[np.random.default_rng(0).permutation(20)]
    line = marks.chain(vertices, pairs)
    assert len(line) == 22  # closed: 21 points and a gap
    assert marks.chain(np.zeros((0, 2)), np.zeros((0, 2), int)).shape == (0, 2)


def test_measures_charts_and_phases_come_out_whole():
    world, knobs = WORLDS["slice"]
    recording = simulate(world, knobs.replace(steps=20))
    table = report.Table(recording, windows.normal_chart(recording, View()))
    for _ in table.fill():
        if table.cheap_complete:
            assert json.loads(wire.dumps(report.phases(recording, table)))["verdict"]
    event = json.loads(wire.dumps(report.measures(recording, table)))
    assert {chart["id"] for chart in event["charts"]} == set(charts.CHARTS)
    assert event["names"]["gradient_normal_share"]["chance"] == pytest.approx(30 / 32)
    for chart in event["charts"]:
        go.Figure(chart["figure"])
    distances = next(chart for chart in event["charts"] if chart["id"] == "distances")["figure"]["data"]
    assert len(distances) == 4 and all(len(line["x"]) == len(line["y"]) > 2 for line in distances)
    assert {line.column for line in charts.CHARTS["sheet"].lines} == set(READ)  # what the verdict is read from


def test_coarse_to_fine_covers_all_steps_ends_first():
    order = report.coarse_to_fine(list(range(72)))
    assert sorted(order) == list(range(72)) and set(order[:2]) == {0, 71}


def test_a_headline_does_not_speak_of_another_world():
    assert report.title(build("wave", {"seed": 4})) == words()["exhibit.wave.title"]
    assert "sphere" in report.title(build("wave", {"manifold": "sphere"}))
    placed = report.title(build("authors-line", {"manifold": "circle", "sampling": "own", "points": "0.1_a~0.6_b"}))
    assert "your own" in placed and "circle" in placed and "alternating" not in placed
    assert "off the plane" not in report.title(build("dimpled-sheet", {"codimension": 0}))


@pytest.mark.parametrize("fields, stretched", [
    ({"manifold": "line", "codimension": 1}, True), ({"manifold": "circle", "codimension": 1}, False),
    ({"manifold": "plane", "codimension": 0}, False)])
def test_only_heights_above_a_straight_line_are_stretched(fields, stretched):
    recording = simulate(World(**{"labels": "alternating", **fields, **SMALL}), Knobs(steps=1))
    window = windows.window(recording, View())
    assert ("scaleanchor" not in views.flat_layout(window, Look())["yaxis"]) == stretched
    times = views.exaggeration(window, Look())
    assert times is not None and (abs(times - 1) > 0.05) == stretched


def test_a_flat_picture_goes_from_one_class_to_the_other_as_its_legend_says():
    setup = build("authors-line", {})
    recording = simulate(setup.world, setup.knobs)
    window = windows.window(recording, setup.view)
    seen = sight.see(recording, window, setup.view, recording.last_step, Look())
    share = (seen.points - np.array(window.low)) / np.subtract(window.high, window.low)
    column, row = np.round(share * (sight.PLANE - 1)).astype(int).T
    a, b = (seen.tone[row, column][(seen.labels == label) & ~seen.wrong] for label in (1, -1))
    assert len(a) and len(b) and a.max() < 127.5 < b.min()
    assert words()["legend.logit"] == "logit, from A to B"


def test_a_wrong_point_is_ringed_and_so_is_what_stands_above_it_where_it_is_hidden():
    setup = build("dimpled-sheet", {"steps": 30, "resolution": 24})
    recording = simulate(setup.world, setup.knobs)
    window = windows.window(recording, setup.view)
    seen = sight.see(recording, window, setup.view, 30, Look())
    scene, _ = views.picture(recording, window, setup.view, 30, Look())
    [rings] = [trace for trace in scene["data"] if trace.get("name") == words()["legend.wrong"]]
    packed = [rings[axis] for axis in "xyz"]
    drawn = np.column_stack([np.frombuffer(base64.b64decode(p["bdata"]), p["dtype"]) for p in packed])
    above = seen.tops[seen.wrong & np.isfinite(seen.tops[:, 2])]
    assert seen.wrong.sum() > len(above) > 0
    np.testing.assert_allclose(drawn, np.concatenate([seen.points[seen.wrong], above]), atol=1e-3)


def test_every_exhibit_and_field_has_words():
    assert all(f"exhibit.{name}" in words() and f"exhibit.{name}.title" in words() for name in EXHIBITS)


@pytest.mark.parametrize("world", [
    World(codimension=1, **SMALL), World(**SMALL), World(manifold="sphere", codimension=1, **SMALL)])
def test_parts_of_the_arrow_to_the_boundary_add_up_to_it(world):
    recording = simulate(world, Knobs(steps=30))
    view = View(resolution=24)
    window = windows.window(recording, view)
    free, parts = (sight.see(recording, window, view, 30, Look(arrows=arrows)) for arrows in ("free", "parts"))
    assert np.array_equal(parts.on_heads, free.heads, equal_nan=True) and np.isfinite(free.heads).any()
    assert np.array_equal(parts.tails, free.tails) and np.array_equal(parts.heads, parts.on_tails, equal_nan=True)
    off, on = parts.heads - parts.tails, parts.on_heads - parts.on_tails
    if world.manifold == "sphere":
        normal = parts.tails / np.linalg.norm(parts.tails, axis=1, keepdims=True)
        assert np.nanmax(np.abs(np.cross(off, normal))) < 1e-5 and np.nanmax(np.abs((on * normal).sum(1))) < 1e-5
    else:
        assert np.nanmax(np.abs(off[:, :2])) < 1e-6 and np.nanmax(np.abs(on[:, 2])) < 1e-6


@pytest.mark.parametrize("codimension, said", [(1, "flat as it is"), (3, "unrolled, height along the net's own")])
def test_a_flat_manifold_unrolled_is_the_slice_where_there_is_one_normal(codimension, said):
    setup = build("dimpled-sheet", {"window": "unrolled", "steps": 5, "codimension": codimension})
    recording = simulate(setup.world, setup.knobs)
    assert said in report.subtitle(setup, windows.window(recording, setup.view))


def test_off_arrows_of_the_whole_space_follow_the_direction_of_the_view():
    world = World(manifold="line", labels="alternating", codimension=2, hidden_layers=1, width=16)
    recording = simulate(world, Knobs(steps=30))
    heads = []
    for direction in ("gradient", "random"):
        view = View(direction=direction)
        window, chart = windows.window(recording, view), windows.normal_chart(recording, view)
        seen = sight.see(recording, window, view, 30, Look(arrows="split"))
        step = seen.heads - seen.tails
        met = np.isfinite(step).all(1)
        assert window.kind == "ambient" and met.any()
        v = np.asarray(chart.basis[-1])
        assert np.allclose(np.abs(step[met] @ v), np.linalg.norm(step[met], axis=1), atol=1e-5)
        heads.append(seen.heads)
    assert not np.allclose(*heads, equal_nan=True)


@pytest.mark.parametrize("sampling, shown", [("five-point", True), ("grid", False)])
def test_the_authors_curve_stands_beside_their_five_points_only(sampling, shown):
    world = World(manifold="line", labels="alternating", sampling=sampling, codimension=1, hidden_layers=1, width=16)
    drawn = {chart["id"]: chart["figure"]["data"] for chart in charts.draw(simulate(world, Knobs(steps=30)), {})}
    curve = drawn.get("gap", [])
    assert [line["name"] for line in curve] == [words()["line.authors_gap"]] * shown
    assert all(line["x"][-1] == 30 and line["y"][-1] == 0.033 for line in curve)  # epoch 30 of the file


@pytest.mark.parametrize("resolution", [24, 33, 48])
def test_a_point_is_hidden_just_where_the_boundary_stands_above_it(resolution):
    def height(xy):
        return 0.25 * np.sin(5 * xy[:, 0]) * np.cos(4 * xy[:, 1])

    low, high = np.array([-1.0, -1.0, -0.5]), np.array([1.0, 1.0, 0.5])
    surface = boundary.extract(lambda z: z[:, 2] - height(z), low, high, resolution)
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(-0.99, 0.99, (500, 2)), rng.uniform(-0.15, 0.4, 500)])
    points[:40, :2] = np.linspace(low, high, resolution)[1:-1, :2][np.arange(40) % (resolution - 2)]  # on grid lines
    over = height(points) - points[:, 2]
    tops = sight.tops(surface, low, high - low, points)
    hidden = np.isfinite(tops[:, 2])
    clear = np.abs(over - 0.004) > 0.02  # nearer, the triangles' own error counts
    assert np.array_equal(hidden[clear], over[clear] > 0.004) and 100 < hidden.sum() < 400
    assert (tops[hidden, 2] > height(points)[hidden]).all() and np.array_equal(tops[hidden, :2], points[hidden, :2])


@pytest.mark.parametrize("step", [0, 3])
def test_arrows_and_what_is_said_of_them_are_the_same_when_the_picture_is_cut_away(step):
    setup = build("dimpled-sheet", {"steps": 3})  # at its start all of the boundary lies in the half that is cut away
    recording = simulate(setup.world, setup.knobs)
    window = windows.window(recording, setup.view)
    whole, cut = (sight.see(recording, window, setup.view, step, Look(cut=cut)) for cut in ("0", "1"))
    assert len(whole.surface.vertices) and len(cut.surface.vertices) < len(whole.surface.vertices)
    np.testing.assert_array_equal(np.asarray(cut.heads), np.asarray(whole.heads))
    assert int(cut.hidden) == int(whole.hidden) and cut.seen == whole.seen
    assert views.caption(window, cut) == views.caption(window, whole)
    none = replace(cut, surface=boundary.extract(lambda z: np.ones(len(z)), window.low, window.high, 24))
    said = f" {words()['caption.cut_away']}"
    assert said in views.caption(window, none) and views.caption(window, none).replace(said, "") == views.caption(
        window, cut)


def test_a_loss_that_is_cut_off_says_how_far_it_goes():
    for scale, beyond in ((1.0, False), (10.0, True)):
        recording = simulate(World(**SMALL), Knobs(steps=5, init_scale=scale))
        loss = next(trace for chart in charts.draw(recording, {}) if chart["id"] == "loss"
                    for trace in chart["figure"]["data"] if trace["line"]["dash"] == "dash")
        assert ("up to" in loss["name"]) == beyond == (recording.loss.max() > 1.15)
