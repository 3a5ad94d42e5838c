"""Delivers spooled reports in a thread of its own, at least once each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence

from agent.backoff import Backoff
from agent.link import Link
from agent.spool import Spool
from help_core.errors import HelpError
from help_core.records import Report
from help_proto.v1 import agent_service_pb2 as pb

log = logging.getLogger(__name__)

POLL_S = 0.5


class Uplink(threading.Thread):
    """Sends what the spool holds and removes what is acknowledged."""

    def __init__(self, link: Link, spool: Spool, stop: threading.Event, backoff: Backoff) -> None:
        super().__init__(name="uplink", daemon=True)
        self._link = link
        self._spool = spool
        self._stop_event = stop
        self._backoff = backoff

    def run(self) -> None:
        """Streams until told to stop; a broken stream begins anew with what is left."""
        while not self._stop_event.is_set():
            try:
                for response in self._link.deliver(self._unsent()):
                    self._acknowledge(response)
                    self._backoff.reset()
            except HelpError as error:
                # Also a full disk, here or there: it is tried again until there is room.
                log.warning("delivery interrupted: %s", error)
            self._stop_event.wait(self._backoff.next_s())

    def _unsent(self) -> Iterator[Sequence[Report]]:
        last_id = 0
        while True:
            found = self._spool.after(last_id, POLL_S)
            if found is not None:
                last_id, reports = found
                if reports:
                    yield reports
            elif self._stop_event.is_set():
                return

    def _acknowledge(self, response: pb.DeliverReportsResponse) -> None:
        for receipt in response.receipts:
            if receipt.acknowledgement == pb.ACKNOWLEDGEMENT_REFUSED:
                log.error("the coordinator refused report %s: %s", receipt.key, receipt.message)
            elif receipt.acknowledgement == pb.ACKNOWLEDGEMENT_STALE:
                log.warning("report %s came after its lease had ended", receipt.key)
        self._spool.remove([receipt.key for receipt in response.receipts])
