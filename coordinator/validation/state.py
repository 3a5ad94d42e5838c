"""How far a validation has come, in a file that belongs to one validation alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from help_core.errors import Conflict, StoreError

FORMAT = "help-fleet validation 1"


@dataclass(frozen=True, slots=True)
class Counts:
    """Images so far, in the folder's order, and how many were right."""

    images: int = 0
    top1: int = 0
    top5: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.top1 <= self.top5 <= self.images:
            raise ValueError("counts contradict each other")


@dataclass(frozen=True, slots=True)
class StateFile:
    """Counts on disk; ``key`` is a digest of everything that the counts depend on."""

    path: Path
    key: str

    def read(self) -> Counts:
        """What was counted before; nothing if there is no file.

        Raises ``Conflict`` for the file of another validation, ``StoreError`` for a damaged one.
        """
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Counts()
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.path}: cannot be read ({error}); delete it") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise StoreError(f"{self.path}: is no state of a validation; name another --state")
        if content.get("key") != self.key:
            raise Conflict(
                f"{self.path}: belongs to another network, other weights or other images;"
                " name another --state, or delete it"
            )
        try:
            return Counts(**{name: int(content[name]) for name in ("images", "top1", "top5")})
        except (KeyError, TypeError, ValueError):
            raise StoreError(f"{self.path}: is damaged; delete it") from None

    def write(self, counts: Counts) -> None:
        """Replaces the file in one step; raises ``StoreError``."""
        part = self.path.with_name(self.path.name + ".part")
        text = json.dumps({"format": FORMAT, "key": self.key, **asdict(counts)})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            part.replace(self.path)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be written ({error.strerror})") from None
