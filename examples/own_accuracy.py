"""An accuracy source of one's own: what ships, less what a task of ours loses by skip connections.

Needs the package beside it: pip install --no-deps --no-build-isolation ./examples/plugins
"""

from __future__ import annotations

import lab


def main() -> None:
    """Asks for the same limit by the accuracy that ships and by ours."""
    with lab.fleet() as fleet:
        for source in ("shipped", "few-skips"):
            answer = fleet.adapt(lab.DEVICE, max_latency_ms=[5.0], accuracy_source=source)
            for pick in answer.picks:
                print(
                    f"{answer.accuracy_source}: {pick.accuracy_percent:.1f} %  "
                    f"{pick.measured_ms:.2f} ms  {pick.architecture}"
                )


if __name__ == "__main__":
    main()
