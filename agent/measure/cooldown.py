"""When to let the board cool before the next process (rule 8). Pure.

A pause is gated by temperature, bounded, and learned: elsewhere cool-downs took two thirds of
the time for a quarter of a percent. The sentinel, which runs without a pause after each batch,
tells whether heat slows this board at all.
"""

from __future__ import annotations

from statistics import median

MAX_WAIT_S = 180.0
LOOK_EVERY_S = 2.0
MARGIN_C = 10.0
"""Distance kept from the temperature at which the board throttles."""

SLOWER = 1.02
ENOUGH = 3


class CoolDown:
    """Decides by the temperature, and by what heat has done to the sentinel so far."""

    def __init__(self, throttles_at_c: float, max_wait_s: float = MAX_WAIT_S) -> None:
        self.gate_c = throttles_at_c - MARGIN_C
        self._max_wait_s = max_wait_s
        self._cool_ms: list[float] = []
        self._hot_ms: list[float] = []

    @property
    def helps(self) -> bool:
        """Whether a hot board is slower, as far as is known; assumed until shown otherwise."""
        if len(self._cool_ms) < ENOUGH or len(self._hot_ms) < ENOUGH:
            return True
        return median(self._hot_ms) > SLOWER * median(self._cool_ms)

    def record(self, temperature_c: float | None, sentinel_ms: float) -> None:
        """The sentinel's latency at a temperature."""
        if temperature_c is None:
            return
        values = self._hot_ms if temperature_c > self.gate_c else self._cool_ms
        values.append(sentinel_ms)
        del values[:-9]

    def pause_s(self, temperature_c: float | None, waited_s: float) -> float:
        """How long to wait before looking again; 0 to measure now."""
        if temperature_c is None or temperature_c <= self.gate_c or waited_s >= self._max_wait_s:
            return 0.0
        if not self.helps:
            return 0.0
        return min(LOOK_EVERY_S, self._max_wait_s - waited_s)
