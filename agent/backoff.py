"""How long to wait before trying again."""

from __future__ import annotations

import random


class Backoff:
    """Exponential with full jitter, so that a fleet does not come back all at once."""

    def __init__(self, rng: random.Random, first_s: float = 0.5, most_s: float = 15.0) -> None:
        self._rng = rng
        self._first_s = first_s
        self._most_s = most_s
        self._failures = 0

    def next_s(self) -> float:
        """The wait before the next try."""
        bound = min(self._first_s * 2**self._failures, self._most_s)
        self._failures += 1
        return self._rng.uniform(bound / 2, bound)

    def reset(self) -> None:
        """Called when a try went well."""
        self._failures = 0
