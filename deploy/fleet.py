"""Many boards at once; what fails on one is that board's line and stops no other."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from deploy.inventory import Target
from deploy.outcome import Outcome, Result
from deploy.text import one_line
from help_core.errors import HelpError

log = logging.getLogger(__name__)

Work = Callable[[Target], Outcome]


def on_each(targets: Sequence[Target], work: Work, parallel: int) -> list[Outcome]:
    """The outcomes in the order of ``targets``; ``parallel`` boards at a time.

    Agents on the same board go one after the other, because they share its releases.
    """
    boards: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, target in enumerate(targets):
        boards[target.login.host, target.login.port].append(index)

    def on_board(indices: Sequence[int]) -> list[tuple[int, Outcome]]:
        return [(index, _try(targets[index], work)) for index in indices]

    with ThreadPoolExecutor(parallel, thread_name_prefix="deploy") as pool:
        done = dict(pair for pairs in pool.map(on_board, boards.values()) for pair in pairs)
    return [done[index] for index in range(len(targets))]


def _try(target: Target, work: Work) -> Outcome:
    began = time.monotonic()
    try:
        outcome = work(target)
    except HelpError as error:
        outcome = _failed(target, one_line(str(error), 600))
    except Exception as error:
        log.debug("deploying to %s", target.name, exc_info=True)
        what = one_line(f"{type(error).__name__}: {error}")
        outcome = _failed(target, f"internal error, please report it: {what}")
    return replace(outcome, elapsed_s=round(time.monotonic() - began, 1))


def _failed(target: Target, note: str) -> Outcome:
    return Outcome(target.name, target.device, str(target.login), Result.FAILED, note=note)
