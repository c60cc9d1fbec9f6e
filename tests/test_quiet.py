"""Work gives way to pictures, but not for ever."""

from threading import Thread

import pytest

from app import quiet
from app.quiet import MOST, SCRUBBING, Patience, Quiet


@pytest.fixture
def waiting(monkeypatch):
    """waiting(pictures, most) -> a thread that waits for them."""
    monkeypatch.setattr(quiet, "PAUSE", 0.01)

    def start(pictures: Quiet, most: float = 60.0) -> Thread:
        thread = Thread(target=pictures.wait, args=(most,), daemon=True)
        thread.start()
        return thread

    return start


def test_it_waits_until_the_last_picture_is_drawn(waiting):
    pictures = Quiet()
    pictures.begin()
    pictures.begin()
    thread = waiting(pictures)
    pictures.end()
    thread.join(0.2)
    assert thread.is_alive()
    pictures.end()
    thread.join(30)
    assert not thread.is_alive()


def test_it_goes_on_where_pictures_never_end(waiting):
    pictures = Quiet()
    pictures.begin()
    thread = waiting(pictures, 0.05)
    thread.join(30)
    assert not thread.is_alive()


def test_where_nothing_is_drawn_nothing_waits(waiting):
    thread = waiting(Quiet())
    thread.join(30)
    assert not thread.is_alive()


def test_a_picture_waits_for_others_only_until_they_are_shown(monkeypatch):
    monkeypatch.setattr(quiet, "SHORT", 60.0)
    monkeypatch.setattr(quiet, "SHOWING", 0.3)
    pictures = Quiet()
    pictures.begin()
    thread = Thread(target=pictures.wait_shown, daemon=True)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive() and pictures.busy
    monkeypatch.setattr(quiet, "PAUSE", 60.0)
    pictures.end()
    thread.join(0.1)
    assert thread.is_alive()
    thread.join(30)
    assert not thread.is_alive() and pictures.busy
    monkeypatch.setattr(quiet, "PAUSE", 0.0)
    assert not pictures.busy


def test_who_waited_long_in_vain_waits_little_until_it_has_been_quiet():
    pictures, waits, calm = Quiet(), [], iter([True, False, False, True, True])
    pictures.wait = lambda most: waits.append(most) or next(calm)
    patience = Patience(pictures)
    for _ in range(5):
        patience.wait()
    assert waits == [SCRUBBING, SCRUBBING, MOST, MOST, SCRUBBING]


def test_a_wait_tells_whether_it_became_quiet(monkeypatch):
    monkeypatch.setattr(quiet, "PAUSE", 0.01)
    pictures = Quiet()
    assert pictures.wait(0.05)
    pictures.begin()
    assert not pictures.wait(0.05)
    pictures.end()
    assert pictures.wait(60.0)
