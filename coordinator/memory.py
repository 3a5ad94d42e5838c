"""Memory that is kept although nothing uses it."""

from __future__ import annotations

import ctypes
import gc


def give_back_memory() -> bool:
    """Collects garbage and returns free pages to the system; whether the C library can (glibc).

    Garbage is looked for rarely (see ``coordinator.server``), and errors leave cycles that hold
    the messages they speak of. glibc keeps what lies below the last block in use. A coordinator
    under 100,000 hostile messages held 280 MiB that way.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True
