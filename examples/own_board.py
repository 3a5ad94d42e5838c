"""A board of one's own: here a rig that is asked for one run at a time and has a slow core.

The agent runs it as ``help-agent run --board own_board:Rig``; all else (leases, spool, delivery)
stays the agent's. A package names it by an entry point in the group ``help_fleet.boards``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import lab
from agent.boards.base import Wanted
from agent.measure.statistics import summarise
from help_core.errors import BadInput
from help_core.records import Board, Failure, FailureClass, Measurement, Settings, Verdict
from help_core.spaces import Architecture, get_space

RUNS = 30


class Rig:
    """Implements ``MeasuringBoard``; a real one would talk to its hardware in ``_run_ms``."""

    def __init__(self) -> None:
        self._rng = random.Random(0)

    def describe(self) -> Board:
        """What 'help-coord devices' shows."""
        return Board(kind="rig", model="example rig", processor="one slow core")

    def default_settings(self) -> Settings:
        """Runtime and provider are the rig's own."""
        return Settings(runtime="rig", provider="core0")

    def measure(self, architecture: Architecture, settings: Settings) -> Measurement | Failure:
        """Thirty runs; what the rig cannot build is a failure with a class, never a number."""
        try:
            work = get_space(architecture.space).cost(architecture).multiply_adds
        except BadInput as error:
            return Failure(FailureClass.BAD_MODEL, str(error))
        samples_ns = tuple(round(self._run_ms(work) * 1e6) for _ in range(RUNS))
        return Measurement(samples_ns, summarise(samples_ns), Verdict.VALID)

    def measure_batch(self, wanted: Sequence[Wanted]) -> list[Measurement | Failure]:
        """One after the other."""
        return [self.measure(architecture, settings) for architecture, settings in wanted]

    def interrupt(self) -> None:
        """A run takes milliseconds; nothing needs to be broken off."""

    def _run_ms(self, work: int) -> float:
        return (2.0 + work / 1e7) * self._rng.lognormvariate(0.0, 0.01)


def main() -> None:
    """Adapts to the rig and prints what fits into 12 ms."""
    with lab.fleet("own_board:Rig") as fleet:
        answer = fleet.adapt(lab.DEVICE, max_latency_ms=[12.0])
        (status,) = fleet.devices()
    print(f"{status.device.board.model}: {status.valid_measurements} valid measurements")
    for pick in answer.picks:
        print(
            f"{pick.accuracy_percent:.1f} %  measured {pick.measured_ms:.2f} ms  "
            f"{pick.architecture}"
        )


if __name__ == "__main__":
    main()
