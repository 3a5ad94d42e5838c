"""``help-coord`` whose wall clock is an hour off, the other way round each second."""

from __future__ import annotations

import time

_real = time.time


def _jumping() -> float:
    now_s = _real()
    return now_s + (3600.0 if int(now_s) % 2 else -3600.0)


if __name__ == "__main__":
    time.time = _jumping
    from coordinator.main import main

    main()
