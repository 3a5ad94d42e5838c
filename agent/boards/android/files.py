"""Files on the phone, named by what they hold: nothing a person wrote is in a remote path."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from pathlib import Path

from agent.boards.android.link import LinkLost, PhoneLink
from agent.boards.android.quoting import command_line, quote
from help_core.errors import MeasurementFailed

NAME_CHARS = 40


class PhoneFiles:
    """The agent's folder on one phone."""

    def __init__(self, link: PhoneLink) -> None:
        self._link = link
        self._known: set[str] = set()

    def put(self, source: Path, *, executable: bool = False) -> str:
        """The path on the phone of a file with the contents of ``source``; pushed once.

        Raises ``LinkLost``, and ``MeasurementFailed`` if the phone cannot keep it.
        """
        target, digest = self._target(source)
        if target not in self._known:
            if not self._holds(target, digest):
                self._push(source, target, digest)
            if executable:
                self._link.shell(command_line(["chmod", "700", target]))
            self._known.add(target)
        return target

    def remove(self, sources: Iterable[Path]) -> None:
        """Deletes what has the contents of these files; raises ``LinkLost``."""
        targets = [self._target(source)[0] for source in sources]
        self._known.difference_update(targets)
        self._link.shell(command_line(["rm", "-f", *targets]))

    def forget(self) -> None:
        """After the cable was out, what is there has to be looked at again."""
        self._known.clear()

    def clean_up(self) -> bool:
        """Removes the whole folder; whether that was possible."""
        self.forget()
        try:
            return self._link.shell(command_line(["rm", "-rf", self._link.folder])).code == 0
        except LinkLost:
            return False

    def _target(self, source: Path) -> tuple[str, str]:
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        return f"{self._link.folder}/{digest[:NAME_CHARS]}", digest

    def _holds(self, target: str, digest: str) -> bool:
        return self._link.shell(command_line(["sha256sum", target])).text.startswith(digest)

    def _push(self, source: Path, target: str, digest: str) -> None:
        link = self._link
        link.shell(command_line(["mkdir", "-p", "-m", "700", link.folder]))
        # Under another name until it is whole: a cable pulled half-way leaves no half model.
        part = f"{target}.{secrets.token_hex(4)}"
        link.push(source, part)
        moved = link.shell(f"mv {quote(part)} {quote(target)}")
        if moved.code != 0 or not self._holds(target, digest):
            raise MeasurementFailed(
                f"phone {link.serial} did not keep a file of {source.stat().st_size} bytes"
                f" in {link.folder}: {moved.text.strip()[:120] or 'its contents differ'}"
            )
