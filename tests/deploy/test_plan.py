"""What is done, from what is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploy.inventory import Login, Target
from deploy.layout import Layout
from deploy.plan import Action, Present, Wanted, mark_of, parse_present, plan
from deploy.services import Supervised
from help_core.errors import DeployFailed

WANTED = Wanted("0.2-b", "0.2-b cafe", "coord:1")
SAME = Present(WANTED.release, WANTED.mark, True, "active", WANTED.coordinator, "f" * 32)
BRING, ENROL, SWITCH = Action


def test_nothing_is_done_to_a_board_that_is_as_wanted() -> None:
    assert plan(SAME, WANTED, is_enrolled=True) == ()


@pytest.mark.parametrize(
    ("present", "is_enrolled", "actions"),
    [
        (Present(state="absent"), False, (BRING, ENROL, SWITCH)),
        (replace(SAME, complete=False), True, (BRING, SWITCH)),
        (replace(SAME, state="inactive"), True, (SWITCH,)),
        (replace(SAME, installed="0.2-b beef"), True, (SWITCH,)),
        (replace(SAME, installed="0.1-a cafe", current="0.1-a"), True, (SWITCH,)),
        (replace(SAME, current="0.1-a"), True, (SWITCH,)),
        (replace(SAME, enrolled_at="other:1"), True, (ENROL, SWITCH)),
        (SAME, False, (ENROL, SWITCH)),
    ],
)
def test_only_what_differs_is_done(
    present: Present, is_enrolled: bool, actions: tuple[Action, ...]
) -> None:
    assert plan(present, WANTED, is_enrolled=is_enrolled) == actions


def test_the_mark_changes_with_release_and_settings_alone() -> None:
    layout = Layout("/b", "d")
    target = Target("d", Login("h"), "d", threads=2)
    one = mark_of("r", Supervised(layout, tuple(target.run_arguments())))
    assert one == mark_of("r", Supervised(layout, ("--threads=2",)))
    assert one != mark_of("r", Supervised(layout, ("--threads=3",)))
    assert one != mark_of("s", Supervised(layout, ("--threads=2",)))


def test_a_board_that_says_nothing_is_an_error() -> None:
    with pytest.raises(DeployFailed):
        parse_present("bash: warning\n")
