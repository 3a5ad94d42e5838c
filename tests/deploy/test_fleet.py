"""Many boards at once."""

from __future__ import annotations

import threading

from deploy.fleet import on_each
from deploy.inventory import Login, Target
from deploy.outcome import Outcome, Result
from help_core.errors import Unreachable


def _target(name: str, host: str) -> Target:
    return Target(name, Login(host), name)


def _done(target: Target) -> Outcome:
    return Outcome(target.name, target.device, str(target.login), Result.INSTALLED)


def test_one_failing_board_is_a_line_and_stops_no_other() -> None:
    def work(target: Target) -> Outcome:
        if target.name == "b":
            raise Unreachable("no ssh\nat b")
        if target.name == "c":
            raise ZeroDivisionError("oops")
        return _done(target)

    found = on_each([_target(name, name) for name in "abcd"], work, 2)
    assert [one.result for one in found] == ["installed", "failed", "failed", "installed"]
    assert found[1].note == "no ssh at b"
    assert "internal error" in found[2].note
    assert [one.failed for one in found] == [False, True, True, False]


def test_boards_go_at_once_and_agents_of_one_board_one_after_the_other() -> None:
    together = threading.Barrier(2, timeout=20)
    busy: set[str] = set()

    def work(target: Target) -> Outcome:
        assert target.login.host not in busy
        busy.add(target.login.host)
        together.wait()
        busy.remove(target.login.host)
        return _done(target)

    targets = [_target("a", "x"), _target("b", "y"), _target("c", "x"), _target("d", "y")]
    found = on_each(targets, work, 2)
    assert [one.board for one in found] == ["a", "b", "c", "d"]
    assert not any(one.failed for one in found)
