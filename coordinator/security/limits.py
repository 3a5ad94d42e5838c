"""How much one peer may ask: a token bucket for calls, a bound on open ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from help_core.errors import RateLimited

MAX_PEERS = 10_000
"""Peers that are remembered; the one that was silent longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """``rate_per_s`` calls in the long run, ``burst`` at once, ``open_calls`` at a time."""

    rate_per_s: float
    burst: float
    open_calls: int


KNOWN = Allowance(rate_per_s=100.0, burst=500.0, open_calls=32)
"""For a peer with credentials: an agent makes about one call a second."""
STRANGER = Allowance(rate_per_s=5.0, burst=50.0, open_calls=8)
"""For an address without credentials, behind which many boards may be."""


@dataclass(slots=True)
class _Peer:
    level: float
    at_s: float
    open_calls: int = 0


class Limits:
    """Used from the event loop's thread alone; ``now_s`` is a monotonic clock."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._peers: OrderedDict[str, _Peer] = OrderedDict()

    def charge(self, peer: str, allowance: Allowance) -> None:
        """Takes one call from the peer's bucket; raises ``RateLimited`` if it is empty."""
        found = self._peer(peer, allowance)
        now_s = self._now_s()
        found.level += (now_s - found.at_s) * allowance.rate_per_s
        found.level = min(found.level, allowance.burst)
        found.at_s = now_s
        if found.level < 1.0:
            wait_s = (1.0 - found.level) / allowance.rate_per_s
            raise RateLimited(f"too many requests from {peer}; try again in {wait_s:.1f} s")
        found.level -= 1.0

    def refund(self, peer: str, allowance: Allowance) -> None:
        """Gives a call back that turned out not to count."""
        found = self._peer(peer, allowance)
        found.level = min(found.level + 1.0, allowance.burst)

    @contextmanager
    def open_call(self, peer: str, allowance: Allowance) -> Iterator[None]:
        """Counts a call while it lasts; raises ``RateLimited`` above the bound."""
        found = self._peer(peer, allowance)
        if found.open_calls >= allowance.open_calls:
            raise RateLimited(
                f"{peer} has {found.open_calls} calls open, the most it may; end one first"
            )
        found.open_calls += 1
        try:
            yield
        finally:
            found.open_calls -= 1

    def _peer(self, peer: str, allowance: Allowance) -> _Peer:
        found = self._peers.get(peer)
        if found is None:
            found = self._peers[peer] = _Peer(allowance.burst, self._now_s())
            self._forget_one()
        self._peers.move_to_end(peer)
        return found

    def _forget_one(self) -> None:
        if len(self._peers) <= MAX_PEERS:
            return
        # One with open calls is counted on until they end, so it may not be forgotten.
        idle = next((name for name, peer in self._peers.items() if not peer.open_calls), None)
        if idle is not None:
            del self._peers[idle]
