"""A long request is asked again while it may still succeed, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest

from coordinator.reattach import Patience, reattached
from help_core.errors import Cancelled, HelpError, NotFound, StoreError, Unreachable
from help_core.records import Progress

Events = Generator[Progress | str, None, None]


class FakeTime:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, most_s: float = 10.0) -> Patience:
        return Patience(lambda: self.now, self.pause, most_s)


def script(*parts: list[Progress | str | HelpError]) -> Callable[[], Events]:
    """Each call plays the next part; the last one again and again."""
    left = list(parts)

    def play() -> Events:
        part = left.pop(0) if len(left) > 1 else left[0]
        for event in part:
            if isinstance(event, HelpError):
                raise event
            yield event

    return play


def step(done: int) -> Progress:
    return Progress("support", done, 10, "measuring")


@pytest.mark.parametrize("error", [Unreachable("gone"), StoreError("full"), Cancelled("stop")])
def test_a_request_that_had_begun_goes_on_after_an_outage(error: HelpError) -> None:
    play = script([step(1), error], [error], [step(1), step(2), "answer"])
    events = list(reattached(play, play, FakeTime().patience()))
    told = [event for event in events if isinstance(event, Progress)]
    assert events[-1] == "answer"
    assert [one.done for one in told] == [1, 1, 1, 1, 2]
    assert [one.message.startswith("asking again") for one in told] == [False, True, True] + [
        False
    ] * 2


def test_a_request_that_never_began_fails_at_once() -> None:
    time = FakeTime()
    play = script([Unreachable("nobody")])
    with pytest.raises(Unreachable, match="nobody"):
        list(reattached(play, play, time.patience()))
    assert time.pauses == []


def test_an_error_that_does_not_pass_is_not_waited_out() -> None:
    time = FakeTime()
    play = script([step(1), NotFound("no device")])
    with pytest.raises(NotFound):
        list(reattached(play, play, time.patience()))
    assert time.pauses == []


def test_a_store_that_fails_after_each_greeting_is_given_up_in_the_end() -> None:
    time = FakeTime()
    play = script([step(3), StoreError("disk full")])
    with pytest.raises(StoreError, match="disk full"):
        list(reattached(play, play, time.patience(10.0)))
    assert 10.0 <= time.now < 20.0
    assert time.pauses == sorted(time.pauses)


def test_news_renew_the_patience() -> None:
    time = FakeTime()
    parts: list[list[Progress | str | HelpError]] = [
        [step(done), Unreachable("again")] for done in range(50)
    ]
    play = script(*parts, ["answer"])
    assert list(reattached(play, play, time.patience(2.0)))[-1] == "answer"
    assert set(time.pauses) == {0.5}


def test_later_attempts_ask_the_other_way() -> None:
    first, other = script([step(1), Unreachable("gone")]), script([step(5), "answer"])
    events = list(reattached(first, other, FakeTime().patience()))
    assert [event.done for event in events if isinstance(event, Progress)] == [1, 1, 5]


def test_closing_the_iterator_closes_what_it_watches() -> None:
    closed: list[bool] = []

    def ask() -> Events:
        try:
            yield step(1)
            yield step(2)
        finally:
            closed.append(True)

    events = reattached(ask, ask, FakeTime().patience())
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert closed == [True]
