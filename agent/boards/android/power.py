"""Keeps a phone awake while it is measured, and puts back what was found, also after a crash.

Only when asked for. What was found is written down on the host before anything is changed, so
that whichever process comes next can put it back.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from agent.boards.android.capture import capture
from agent.boards.android.link import LinkLost, PhoneLink
from agent.boards.android.quoting import command_line
from help_core.errors import StoreError

log = logging.getLogger(__name__)

SETTING = "stay_on_while_plugged_in"
ALL_SUPPLIES = "7"
"""``BatteryManager``: mains, USB and wireless together."""


class StayAwake:
    """The setting of one phone. Records lie in ``folder`` on the host."""

    def __init__(self, link: PhoneLink, folder: Path) -> None:
        self._link = link
        # A serial is a stranger's text: only its hash becomes a file's name.
        name = hashlib.sha256(link.serial.encode()).hexdigest()[:16]
        self._record = folder / f"stay-awake-{name}.json"

    def turn_on(self) -> None:
        """Records what is set, then keeps the phone awake; raises ``LinkLost``, ``StoreError``."""
        self.restore()
        found = capture(self._link).settings["stay_on"]
        self._write(found)
        self._put(ALL_SUPPLIES)

    def restore(self) -> bool:
        """Puts back what a record says; false if the phone is away, and the record stays.

        Raises ``StoreError`` if the record cannot be read or removed.
        """
        try:
            found = json.loads(self._record.read_text())["found"]
        except FileNotFoundError:
            return True
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self._record} is damaged ({error!r}); set 'stay awake' on phone"
                f" {self._link.serial} by hand and delete the file"
            ) from None
        try:
            self._put(str(found))
        except LinkLost:
            log.warning("phone %s is away: the next start restores 'stay awake'", self._link.serial)
            return False
        self._record.unlink(missing_ok=True)
        return True

    def _put(self, value: str) -> None:
        words = ["settings", "put", "global", SETTING, value]
        if not value:
            words = ["settings", "delete", "global", SETTING]
        self._link.shell(command_line(words))

    def _write(self, found: str) -> None:
        try:
            self._record.parent.mkdir(parents=True, exist_ok=True)
            scratch = self._record.with_suffix(".part")
            scratch.write_text(json.dumps({"serial": self._link.serial, "found": found}))
            scratch.replace(self._record)
        except OSError as error:
            raise StoreError(f"{self._record} cannot be written ({error.strerror})") from None
