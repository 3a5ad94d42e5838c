"""Pictures as inline SVG: no script, no font and no file from elsewhere.

A picture is 520 units wide, so that its words can be read on a telephone too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 520.0, 330.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 30.0, 46.0
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
LOG_TICKS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to units of the picture, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """The place of a value."""
        low, high, value = (self._bent(each) for each in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, count: int) -> list[float]:
        """Round values within the scale, about ``count``."""
        if self.is_log and self.high / self.low > 2.5:
            first = math.floor(math.log10(self.low))
            last = math.ceil(math.log10(self.high))
            every = [m * 10.0**e for e in range(first, last + 1) for m in LOG_TICKS]
            within = [tick for tick in every if self.low <= tick <= self.high]
            return within[:: max(1, math.ceil(len(within) / (count + 1)))]
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in STEPS if s * power >= rough * 0.999)
        first_tick = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first_tick, math.floor(self.high / step + 1e-9) + 1)]

    def _bent(self, value: float) -> float:
        return math.log(value) if self.is_log else value


def padded(values: Sequence[float], share: float, *, is_log: bool = False) -> tuple[float, float]:
    """A little less than the least and more than the most."""
    low, high = min(values), max(values)
    if is_log:
        room = max((high / low) ** share, 1.02)
        return low / room, high * room
    room = max((high - low) * share, abs(high) * 0.01, 1e-9)
    return low - room, high + room


@dataclass(slots=True)
class Picture:
    """Collects marks; colours are classes that the page's style sheet knows."""

    label: str
    x: Scale
    y: Scale
    marks: list[str] = field(default_factory=list)

    def axes(self, x_name: str, y_name: str) -> None:
        """Grid, ticks and names."""
        for tick in self.x.ticks(6):
            at = self.x.at(tick)
            self.line((at, TOP), (at, HEIGHT - BOTTOM), "grid")
            self.words(at, HEIGHT - BOTTOM + 17, f"{tick:.6g}", "tick", "middle")
        for tick in self.y.ticks(5):
            at = self.y.at(tick)
            self.line((LEFT, at), (WIDTH - RIGHT, at), "grid")
            self.words(LEFT - 7, at + 4, f"{tick:.6g}", "tick", "end")
        self.words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_name, "name", "middle")
        self.words(LEFT - 44, 14, y_name, "name", "start")

    def line(self, start: tuple[float, float], end: tuple[float, float], kind: str) -> None:
        """A straight line between two places."""
        (x1, y1), (x2, y2) = start, end
        self.marks.append(
            f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
        )

    def dot(self, x: float, y: float, radius: float, kind: str, title: str = "") -> None:
        """A point at values, with words that appear under a pointer."""
        inside = f"<title>{escape(title)}</title>" if title else ""
        self.marks.append(
            f'<circle class="{kind}" cx="{self.x.at(x):.1f}" cy="{self.y.at(y):.1f}"'
            f' r="{radius:g}">{inside}</circle>'
        )

    def stairs(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        """A step curve through values that rise, held to the right end."""
        path = ""
        for x, y in points:
            at_x, at_y = self.x.at(x), self.y.at(y)
            path += f"M{at_x:.1f} {at_y:.1f}" if not path else f"H{at_x:.1f}V{at_y:.1f}"
        self.marks.append(f'<path class="{kind}" d="{path}H{WIDTH - RIGHT:.1f}"/>')

    def words(self, x: float, y: float, text: str, kind: str, anchor: str) -> None:
        """Text at a place."""
        self.marks.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def render(self, height: float = HEIGHT) -> str:
        """The SVG element."""
        return (
            f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{escape(self.label)}">'
            + "".join(self.marks)
            + "</svg>"
        )


def horizontal() -> tuple[float, float]:
    """Where the x axis begins and ends."""
    return LEFT, WIDTH - RIGHT


def vertical() -> tuple[float, float]:
    """Where the y axis begins (below) and ends."""
    return HEIGHT - BOTTOM, TOP
