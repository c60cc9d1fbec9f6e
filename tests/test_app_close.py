"""What the page is told of one step beyond its picture: distances within eps, and one point close by."""

import numpy as np
import plotly.graph_objects as go
import pytest
from fastapi.testclient import TestClient

from app import closer, views
from app.server import create
from app.sight import Look
from app.within import within
from toy import View, bounded, windows
from toy.closer import look

LINK = "exhibit=dimpled-sheet&hidden_layers=1&width=8&steps=20&resolution=24&codimension=3&points_per_side=3"


@pytest.mark.parametrize("codimension", [0, 3])
def test_distances_and_curves_are_those_of_the_attacks(train, codimension):
    recording = train(codimension=codimension, points_per_side=5, width=40, hidden_layers=2, steps=80,
                      learning_rate=0.01)
    told = within(recording, 60)
    assert set(told["far"]) == set(told["spaces"]) == set(bounded.SPACES) - ({"off"} if not codimension else set())
    figure = go.Figure(**told["figure"])
    for space, trace in zip(told["spaces"], figure.data):
        far = bounded.distances(recording, 60, space)
        np.testing.assert_allclose([np.inf if d is None else d for d in told["far"][space]], far, rtol=1e-4)
        eps = np.array([0.0021, 0.03, 0.11, 0.7])  # a staircase: the value at eps is that of the step begun before it
        stairs = np.array(trace.y)[np.searchsorted(trace.x, eps, side="right") - 1]
        np.testing.assert_allclose(stairs, bounded.robust_accuracy(recording, 60, eps, space), atol=1e-3)


@pytest.mark.parametrize("fields", [
    {"manifold": "line", "labels": "alternating", "codimension": 1}, {"codimension": 0}, {"codimension": 3},
    {"manifold": "wave", "codimension": 1},
], ids=str)
def test_the_figures_of_one_point_are_what_was_computed(train, fields):
    recording, view = train(**fields), View()
    window = windows.window(recording, view)
    told = closer.look(recording, window, view, 12, 1)
    lines, section = look(recording, view, 12, 1, window.half_height)
    assert (told["step"], told["point"], told["count"]) == (12, 1, len(recording.data.x)) and "12" in told["title"]
    along, plane = (go.Figure(**told[name]) for name in ("lines", "section"))
    for line, trace, rings in zip(lines.values(), along.data[1::2], along.data[2::2]):
        np.testing.assert_allclose([np.nan if f is None else f for f in trace.y], line.logit, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(rings.x, line.crossings, rtol=1e-3)
    assert len(plane.data) == 3 + len(lines) + 1 and plane.data[0].type == "heatmap"
    boundary = np.array([(x, y) for x, y in zip(plane.data[2].x, plane.data[2].y) if x is not None], np.float32)
    f = section.window.field(recording.params(12))
    grid = np.asarray(f(np.random.default_rng(0).uniform(section.window.low, section.window.high, (500, 2))))
    assert bool(len(boundary)) == bool((grid > 0).any() and (grid < 0).any())
    if len(boundary):
        assert np.abs(np.asarray(f(boundary))).max() < 0.02 * np.abs(grid).max()


@pytest.mark.parametrize("fields", [{"manifold": "line", "labels": "alternating", "codimension": 1}, {}], ids=str)
def test_points_can_be_picked_and_marked(train, fields):
    recording, view = train(**fields), View(resolution=24)
    window = windows.window(recording, view)
    scene, frame = views.picture(recording, window, view, 20, Look())
    picked = [i for trace in scene["data"] if trace["type"].startswith("scatter") and trace.get("hovertemplate")
              for i in trace["customdata"]]
    assert sorted(picked) == list(range(len(recording.data.x)))
    flips = [trace for trace in scene["data"] if trace.get("meta") == "flips"]
    assert len(flips) == 1 and flips[0]["x"] == [] and scene["data"].index(flips[0]) not in frame["traces"]
    assert set(scene["layout"]["meta"]["points"]) == set("xyz"[:window.dim])
    lift = frame["meta"]["lift"]
    hidden = [i for trace in frame["data"] for i in trace.get("customdata", [])]
    assert sorted(hidden) == sorted(map(int, lift))


@pytest.fixture(scope="module")
def client():
    with TestClient(create(warm=False)) as client:
        yield client


def test_routes(client):
    told = client.get(f"/api/within?{LINK}&step=7").json()
    assert told["step"] == 7 and len(told["far"]["free"]) == 9
    told = client.get(f"/api/closer?{LINK}&step=7&point=4&lang=ja").json()
    assert (told["step"], told["point"]) == (7, 4) and "ステップ" in told["title"]
    for path, field in (("within?step=99", "step"), ("within?step=x", "step"), ("closer?step=7&point=9", "point"),
                        ("closer?step=7&point=-1", "point"), ("closer?step=7", "point"), ("closer?point=1", "step")):
        answer = client.get(f"/api/{path}&{LINK}")
        assert answer.status_code == 400 and answer.json()["field"] == field, path
