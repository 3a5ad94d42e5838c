"""A coordinator inside another program: quickstart, tests and notebooks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOP_S = 15.0


@contextmanager
def embedded(store_url: str) -> Iterator[str]:
    """The address of a coordinator in a thread of this process, on a free port of loopback.

    ``store_url`` is a file, or whatever ``help-coord serve --store`` takes. Raises
    ``StoreError``.
    """
    from coordinator.server import running
    from coordinator.store import open_store

    store = open_store(store_url)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="coordinator", daemon=True)
    thread.start()
    server = running("127.0.0.1:0", store)
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result().users
    finally:
        closing = server.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(closing, loop).result(STOP_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_S)
        loop.close()
        store.close()
