"""What is drawn for visitors: once for all who wait, and given up when nobody does."""

import asyncio
import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.drawings import Drawings
from app.limits import Limits
from app.quiet import Urgency
from app.shared import Busy


class Slow:
    """A drawing that pauses over and over until it may end; `ends` says how it did."""

    def __init__(self):
        self.begun, self.may_end, self.count, self.ends = threading.Event(), threading.Event(), 0, []

    def __call__(self, pause):
        self.count += 1
        try:
            while True:
                pause()
                self.begun.set()
                if self.may_end.wait(0.005):
                    break
        except BaseException as error:
            self.ends.append(type(error).__name__)
            raise
        self.ends.append("drawn")
        return {"number": self.count}


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def given_up(draws: Drawings) -> bool:
    return not draws._drawing and not draws.asked._drawing and not draws.quiet._drawing


def test_two_who_wait_get_one_drawing():
    async def story():
        draws, slow = Drawings(Limits()), Slow()
        both = [asyncio.create_task(draws.draw("key", slow)) for _ in range(2)]
        await until(slow.begun.is_set)
        slow.may_end.set()
        one, other = await asyncio.gather(*both)
        assert one == other == draws.kept("key") and json.loads(gzip.decompress(one)) == {"number": 1}
        assert slow.ends == ["drawn"] and given_up(draws)

    asyncio.run(story())


@pytest.mark.parametrize("urgency", [Urgency.NOW, Urgency.AHEAD])
def test_what_begins_at_once_knows_already_who_waits_for_it(urgency):
    class Hasty(ThreadPoolExecutor):
        def submit(self, *given):
            future = super().submit(*given)
            assert slow.begun.wait(60)
            return future

    async def story():
        draws = Drawings(Limits())
        draws._now = draws._ahead = Hasty(1)
        draws.asked.wait_shown = lambda: waits.append(urgency)
        slow.may_end.set()
        await draws.draw("key", slow, urgency)
        assert slow.ends == ["drawn"] and bool(waits) == (urgency is Urgency.AHEAD)

    slow, waits = Slow(), []
    asyncio.run(story())


@pytest.mark.parametrize("urgency", Urgency)
def test_the_last_who_leaves_takes_the_drawing_with_him(urgency):
    async def story():
        draws, slow = Drawings(Limits()), Slow()
        both = [asyncio.create_task(draws.draw("key", slow, urgency)) for _ in range(2)]
        await until(slow.begun.is_set)
        both[0].cancel()
        await asyncio.sleep(0.05)
        assert not slow.ends
        both[1].cancel()
        await until(lambda: slow.ends == ["Dropped"] and given_up(draws))
        assert draws.kept("key") is None

    asyncio.run(story())


def test_who_comes_after_a_drawing_was_given_up_gets_one_of_his_own():
    async def story():
        draws, first, second = Drawings(Limits(frame_workers=1)), Slow(), Slow()
        early = asyncio.create_task(draws.draw("key", first))
        await until(first.begun.is_set)
        early.cancel()
        late = asyncio.create_task(draws.draw("key", second))
        second.may_end.set()
        assert json.loads(gzip.decompress(await late)) == {"number": 1}
        assert first.ends == ["Dropped"] and second.ends == ["drawn"] and given_up(draws)

    asyncio.run(story())


def test_what_was_given_up_before_its_turn_is_never_begun():
    async def story():
        draws, first, second = Drawings(Limits(frame_workers=1)), Slow(), Slow()
        ahead = asyncio.create_task(draws.draw("first", first))
        await until(first.begun.is_set)
        behind = asyncio.create_task(draws.draw("second", second))
        await until(lambda: "second" in draws._drawing)
        behind.cancel()
        await until(lambda: "second" not in draws._drawing)
        first.may_end.set()
        await ahead
        await until(lambda: given_up(draws))
        assert second.count == 0

    asyncio.run(story())


def test_too_much_to_draw_is_refused():
    async def story():
        draws, slow = Drawings(Limits(frame_workers=1, frames_waiting=2)), Slow()
        held = [asyncio.create_task(draws.draw(key, slow)) for key in "ab"]
        await until(lambda: len(draws._drawing) == 2)
        with pytest.raises(Busy):
            await draws.draw("c", slow)
        slow.may_end.set()
        await asyncio.gather(*held)

    asyncio.run(story())


def test_an_error_reaches_all_who_wait():
    async def story():
        draws = Drawings(Limits())

        def fails(pause):
            raise ValueError("no")

        for task in [asyncio.create_task(draws.draw("key", fails)) for _ in range(2)]:
            with pytest.raises(ValueError, match="no"):
                await task
        assert given_up(draws)

    asyncio.run(story())
