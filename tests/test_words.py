"""Both languages say everything: keys, placeholders, refusals; and each request hears its own."""

import ast
import json
import re
from itertools import product
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import app
import toy
from app.language import wanted
from app.server import create
from app.studies import named, titled
from app.text import LANGUAGES, say, speaking, told, translated, words, written
from app.text.simulator import match, own
from toy import FieldError
from toy.exhibits import EXHIBITS
from toy.experiments import EXPERIMENTS
from toy.overview import SHOWN
from toy.recording import Recording
from toy.world import FIELDS, allowed_text

JAPANESE = re.compile(r"[぀-ヿ一-鿿]")
PLACE = re.compile(r"\{(\w+)\}")
KEYS = {**own(), **written("en")}


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_a_language_has_every_key_and_no_other(code):
    assert sorted(KEYS.keys() - written(code)) == [], "missing"
    assert sorted(written(code).keys() - KEYS) == [], "unknown"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_fills_the_same_places(code):
    text = written(code)
    assert not [key for key in text if set(PLACE.findall(text[key])) != set(PLACE.findall(KEYS.get(key, text[key])))]
    assert all(sentence.strip() for sentence in text.values())


def test_every_exhibit_has_its_words():
    for name in EXHIBITS:
        assert f"exhibit.{name}" in KEYS and f"exhibit.{name}.title" in KEYS


def test_every_field_has_its_name():
    assert all(f"field.{name}" in KEYS for name in FIELDS)


def test_every_run_of_an_experiment_has_its_name_in_every_language():
    pairs = {"net 1 to net 2": ("net 1 → net 2", "ネット 1 → ネット 2"),
             "ell 10, grid 2": ("ℓ = 10, grid 2", "ℓ = 10, 格子 2")}
    for code, said in zip(("en", "ja"), zip(*pairs.values())):
        with speaking(code):
            assert tuple(map(titled, pairs)) == said and titled("no such run") == "no such run"
    with speaking("ja"):
        names = {row: titled(row) for experiment in EXPERIMENTS.values() for row in experiment.cases}
        as_they_are = re.compile(r"(He|SGD|Adam|[ℓz₀×=., \d])+")  # symbols and the names of methods
        assert not [row for row, name in names.items() if not JAPANESE.search(name) and not as_they_are.fullmatch(name)]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_column_has_its_name(code):
    with speaking(code):
        for exhibit, experiment in EXPERIMENTS.items():
            names = {column: named(column, exhibit) for column in experiment.columns}
            assert not [column for column, name in names.items() if "_" in name]
        assert not [column for column in (*SHOWN, "two_phases") if "_" in named(column)]


# -- refusals ----------------------------------------------------------------------------------------------------------

def texts(node: ast.AST, around: ast.AST) -> list[str]:
    """The sentences an argument of FieldError can be, with a 7 for every value."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        parts = [texts(part, around) if isinstance(part, ast.Constant) else texts(part.value, around) or ["7"]
                 for part in node.values]
        return ["".join(chosen) for chosen in product(*parts)]
    if isinstance(node, ast.IfExp):
        return texts(node.body, around) + texts(node.orelse, around)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return {"one_of": ["one of [a, b]"], "allowed_text": [allowed_text(FIELDS[name], name) for name in FIELDS]
                }.get(node.func.id, [])  # what the page itself says is said in its language
    if isinstance(node, ast.Name):
        return [text for found in ast.walk(around) if isinstance(found, ast.Assign)
                and any(isinstance(target, ast.Name) and target.id == node.id for target in found.targets)
                for text in said(found.value, around)]
    return []


def said(value: ast.AST, around: ast.AST) -> list[str]:
    """The same of what is assigned, which may be a choice out of a dict."""
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Dict):
        return [text for item in value.value.values for text in texts(item, around)]
    return texts(value, around)


def refusals(source: str) -> list[tuple[str, str]]:
    """(kind, sentence) of every FieldError a module raises, those of command-line flags and files apart."""
    out = []
    tree = ast.parse(source)
    for around in ast.walk(tree):
        if not isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for node in ast.walk(around):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "FieldError"):
                continue
            field, allowed, _, *advice = node.args
            name = getattr(field, "value", getattr(field, "id", ""))
            if str(name).startswith("--") or name in HEADLESS:
                continue
            out += [("allowed", text) for text in texts(allowed, around)]
            out += [("advice", text) for part in advice for text in texts(part, around)]
    return out


HEADLESS = {"file", "attack", "basis", "lengths", "recordings", "seeds", "z", "runs",
            "flag", "argument", "json", "parent", "params_by_step"}  # arguments of functions, never of a link
ELSEWHERE = ("sweep", "rows", "__main__", "boundary")  # modules no link's value reaches unchecked
SOURCES = [file for package in (toy, app) for file in sorted(Path(package.__file__).parent.glob("**/*.py"))
           if file.stem not in ELSEWHERE]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: f"{file.parent.stem}-{file.stem}")
def test_every_refusal_can_be_said_in_every_language(file):
    untold = [f"{kind}.*: {text}" for kind, text in refusals(file.read_text(encoding="utf-8"))
              if text and not match(kind, text, KEYS)]
    assert not untold, "no key says these"


def test_the_collector_of_refusals_sees():
    source = '''def f(n, x):
        why = {"a": "because", "b": f"{n} is odd"}[x]
        raise FieldError("n", f"at {'most' if x else 'least'} {n}", n, why)'''
    assert refusals(source) == [("allowed", "at most 7"), ("allowed", "at least 7"), ("advice", "because"),
                                ("advice", "7 is odd")]


def test_a_refusal_keeps_its_values_in_every_language():
    error = FieldError("codimension", "a whole number between 0 and 1000", 5000)
    assert told(error)[0] == str(error)
    with speaking("ja"):
        message, allowed = told(error)
        assert JAPANESE.search(message) and "5000" in message and "1000" in allowed
        assert words()["field.codimension"] in message
        advised = FieldError("codimension", "at least 1 for manifold 'wave'", 0, "it is embedded in 3 dimensions")
        message, _ = told(advised)
        assert "'wave'" in message and message.count(translated("advice", advised.advice)) == 1
        assert len(told(FieldError("points", "in different places", "0_a~" * 900))[0]) < 200


def test_what_nobody_has_translated_stays_as_it_is():
    with speaking("ja"):
        assert translated("advice", "do something new") == "do something new"


@pytest.mark.parametrize("fields", [{}, {"manifold": "wave", "codimension": 1}, {"manifold": "wave"}])
@pytest.mark.parametrize("direction", ["gradient", "random"])
def test_the_direction_of_a_window_can_be_said_in_every_language(train, fields, direction):
    from toy.windows import normal_chart
    from toy.world import View

    recording: Recording = train(**fields)
    note = normal_chart(recording, View(direction=direction)).note
    with speaking("ja"):
        assert JAPANESE.search(translated("along", note)), note


# -- which language ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query, accepted, language", [
    ("", "", "en"), ("", "ja-JP,ja;q=0.9", "ja"), ("", "fr, ja;q=0.5", "ja"), ("lang=ja", "en", "ja"),
    ("lang=en", "ja", "en"), ("lang=xx", "ja", "ja"), ("exhibit=wall", "de", "en"),
])
def test_the_link_then_the_browser_decides(query, accepted, language):
    assert wanted(query, accepted) == language


def test_an_unknown_language_is_refused():
    with pytest.raises(KeyError, match="must be one of"), speaking("xx"):
        pass


def test_a_language_ends_with_its_block():
    with speaking("ja"):
        assert say("about.close") != KEYS["about.close"]
    assert say("about.close") == KEYS["about.close"]


LINK = "exhibit=dimpled-sheet&hidden_layers=2&width=16&steps=12&resolution=24&codimension=3"


@pytest.fixture(scope="module")
def client():
    with TestClient(create(warm=False)) as client:
        yield client


@pytest.mark.parametrize("ask", [{"headers": {"accept-language": "ja"}}, {"params": {"lang": "ja"}}])
def test_page_and_layout_answer_in_the_language_asked_for(client, ask):
    assert 'lang="ja"' in (page := client.get("/", **ask).text) and words("ja")["about.close"] in page
    assert words("ja")["group.net"] in str(client.get("/_dash-layout", **ask).json())
    assert 'lang="en"' in client.get("/").text


def test_runs_frames_and_refusals_speak_the_language_of_their_request_at_once(client):
    for _ in range(2):  # the second time from what is kept
        for code in LANGUAGES:
            run = str([json.loads(line) for line in client.get(f"/api/run?{LINK}&lang={code}").iter_lines()])
            assert words(code)["chart.sheet"] in run and words(code)["measure_help.gap"] in run
            assert words(code)["along.mean_gradient"].format(step=12) in run
            others = [words(other)["chart.sheet"] for other in LANGUAGES if other != code]
            assert not any(other in run for other in others)
            frame = client.get(f"/api/frame?{LINK}&lang={code}&step=7").json()
            assert frame["meta"]["numbers"][0]["label"] == words(code)["number.loss"]
    refused = client.get(f"/api/run?{LINK}&codimension=5000", headers={"accept-language": "ja"})
    assert refused.status_code == 400 and JAPANESE.search(refused.json()["message"])
