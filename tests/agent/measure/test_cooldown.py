"""A pause is gated, bounded and learned."""

from __future__ import annotations

from agent.measure.cooldown import CoolDown


def test_only_a_hot_board_waits_and_only_for_so_long() -> None:
    cooldown = CoolDown(throttles_at_c=80.0, max_wait_s=180.0)
    assert cooldown.pause_s(None, 0) == 0
    assert cooldown.pause_s(70.0, 0) == 0
    assert cooldown.pause_s(70.5, 0) == 2.0
    assert cooldown.pause_s(90.0, 179.0) == 1.0
    assert cooldown.pause_s(90.0, 180.0) == 0


def test_pauses_end_where_heat_is_seen_to_change_nothing() -> None:
    cooldown = CoolDown(80.0)
    for _ in range(3):
        cooldown.record(50.0, 1.00)
        cooldown.record(75.0, 1.01)
    assert not cooldown.helps
    assert cooldown.pause_s(90.0, 0) == 0


def test_pauses_stay_where_heat_slows_the_board_and_come_back_when_it_begins_to() -> None:
    cooldown = CoolDown(80.0)
    for _ in range(3):
        cooldown.record(50.0, 1.00)
        cooldown.record(75.0, 1.01)
    for _ in range(9):
        cooldown.record(78.0, 1.4)
    assert cooldown.helps
    assert cooldown.pause_s(90.0, 0) > 0


def test_a_board_without_a_sensor_teaches_nothing() -> None:
    cooldown = CoolDown(80.0)
    for _ in range(9):
        cooldown.record(None, 1.0)
    assert cooldown.helps
