"""A class of thirty: the address, its code, one training for all, places in line, bounds."""

import asyncio
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import pytest
import segno
import uvicorn
from fastapi import FastAPI

from app import classroom, stream
from app.callbacks import invitation
from app.drawings import Dropped
from app.limits import Limits
from app.server import create
from toy import simulate

CLASS = 30
TINY = "exhibit=dimpled-sheet&hidden_layers=1&width=8&points_per_side=3&codimension=3&steps=20&resolution=24"


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an application on a real socket."""
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [own]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{own.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(30)


async def _hear(client: httpx.AsyncClient, link: str) -> tuple[int, list[dict]]:
    async with client.stream("GET", f"api/run?{link}") as answer:
        return answer.status_code, [json.loads(line) async for line in answer.aiter_lines() if line]


def hear(address: str, links: list[str]) -> list[tuple[int, list[dict]]]:
    """(status, events) of all links, asked for at once."""
    async def all_at_once() -> list[tuple[int, list[dict]]]:
        many = httpx.Limits(max_connections=CLASS)
        async with httpx.AsyncClient(base_url=address, timeout=300, limits=many) as client:
            return await asyncio.gather(*(_hear(client, link) for link in links))

    return asyncio.run(all_at_once())


@pytest.fixture
def trained(monkeypatch) -> list[int]:
    """The seeds of all trainings."""
    seeds: list[int] = []

    def counting(world, knobs, *rest):
        seeds.append(knobs.seed)
        return simulate(world, knobs, *rest)

    monkeypatch.setattr(stream, "simulate", counting)
    return seeds


def test_an_exhibit_opened_by_a_class_is_trained_once(trained):
    with served(create(Limits(workers=4), warm=False)) as address:
        heard = hear(address, [f"{TINY}&lang={'ja' if i % 2 else 'en'}" for i in range(CLASS)])
    assert [status for status, _ in heard] == [200] * CLASS
    assert all(events[-1]["event"] == "done" for _, events in heard)
    assert trained == [0]


def test_a_class_of_own_starts_waits_in_line_and_all_finish(trained):
    limits = Limits(workers=1, runs=4, recordings=60_000, frames=200_000)
    app = create(limits, warm=False)
    with served(app) as address:
        heard = hear(address, [f"{TINY}&steps=6&seed={seed}" for seed in range(CLASS)])
        runs = app.state.runs
        assert [status for status, _ in heard] == [200] * CLASS
        assert all(events[-1]["event"] == "done" for _, events in heard)
        assert sorted(trained) == list(range(CLASS))
        places = [[event["place"] for event in events if event["event"] == "queued"] for _, events in heard]
        assert max(map(max, filter(None, places))) > CLASS // 2
        assert all(min(told) >= 1 and told == sorted(told, reverse=True) for told in places if told)
        hear(address, [TINY])  # whoever comes next makes it forget
        kept = [recording for recording in runs._recordings._items.values()]
        assert sum(recording.nbytes for recording in kept) <= max(limits.recordings, kept[-1].nbytes)
        assert len(kept) < CLASS and len(runs._runs) <= limits.runs + 1
        assert sum(map(len, runs.drawings._kept._items.values())) <= limits.frames


def test_a_frame_whose_visitor_has_left_is_given_up(monkeypatch):
    begun, given_up = threading.Event(), threading.Event()

    def endless(recording, window, view, step, look, pause):
        try:
            while True:
                pause()
                begun.set()
                time.sleep(0.005)
        except Dropped:
            given_up.set()
            raise

    with served(create(warm=False)) as address:
        hear(address, [TINY])
        monkeypatch.setattr(stream.views, "picture", endless)
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{address}api/frame?{TINY}&step=5", timeout=2)
        assert begun.is_set() and given_up.wait(30)


def test_who_does_not_fit_in_line_is_told():
    with served(create(Limits(workers=1, waiting=3), warm=False)) as address:
        heard = hear(address, [f"{TINY}&steps=6&seed={seed}" for seed in range(CLASS)])
    fine = [events for status, events in heard if status == 200]
    assert len(fine) >= 4 and all(events[-1]["event"] == "done" for events in fine)
    refused = [events[0] for status, events in heard if status == 503]
    assert len(fine) + len(refused) == CLASS and refused
    assert all("busy" in told["message"] and "waiting" in told["message"] for told in refused)


# -- the address -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.1.1"])
def test_only_this_machine_needs_no_code(host):
    assert classroom.local(host)


def test_all_addresses_means_the_one_others_see():
    assert not classroom.local("0.0.0.0")
    address = classroom.url("0.0.0.0", 8050)
    assert address.endswith(":8050/") and "0.0.0.0" not in address
    assert classroom.url("10.0.0.7", 80) == "http://10.0.0.7:80/"
    assert classroom.url("fe80::1", 80) == "http://[fe80::1]:80/"


def test_the_terminal_shows_the_modules_of_the_code():
    address = "http://192.168.1.20:8050/"
    drawn = classroom.terminal(address).splitlines()
    code = np.array([list(row) for row in segno.make(address, micro=False).matrix_iter(border=4)], bool)
    light = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
    rows = [np.array([light[c] for c in line]).T for line in drawn if line.strip() and set(line) <= set(light)]
    shown = np.concatenate(rows)[: len(code)].astype(bool)
    assert (shown == ~code).all()


def test_the_page_invites_to_what_is_seen():
    opened, code, words, link = invitation("http://10.0.0.7:8050/", 1, "exhibit=wall&seed=3")
    assert opened and code.startswith("data:image/svg+xml") and words == "http://10.0.0.7:8050/"
    assert link == "http://10.0.0.7:8050/?exhibit=wall&seed=3"
    assert invitation("http://10.0.0.7:8050/", 1, "x" * 3900)[3] == "http://10.0.0.7:8050/"


def test_the_class_is_offered_only_when_others_can_come():
    from app import layout

    def ids(part) -> str:
        return json.dumps(part.to_plotly_json(), default=lambda inner: inner.to_plotly_json())

    assert '"class-open"' not in ids(layout.page()) and '"class-open"' in ids(layout.page("http://10.0.0.7:8050/"))


def test_a_terminal_without_block_characters_gets_the_address(monkeypatch, capsys):
    from app import __main__ as command

    monkeypatch.setattr(uvicorn, "run", lambda *_, **__: None)
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    command.serve("0.0.0.0", 0)
    out.flush()
    assert b"http://" in out.buffer.getvalue()
