"""``/metrics``, ``/healthz`` and ``/readyz`` over HTTP, in a thread of their own.

They answer while the event loop is busy, and say so when the store is not usable.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from coordinator.metrics import Metrics
from help_core.errors import AddressInUse, BadInput
from help_proto.trust import is_loopback

PLAIN = "text/plain; version=0.0.4; charset=utf-8"


@contextmanager
def monitoring(address: str, metrics: Metrics, ready: threading.Event) -> Iterator[str]:
    """Serves while the context lasts; yields the address. Nothing is served at ``""``.

    Raises ``BadInput`` and ``AddressInUse``.
    """
    if not address:
        yield ""
        return
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port[:6]) < 65536):
        raise BadInput(f"--metrics {address!r} is no HOST:PORT, for example 127.0.0.1:9464")
    if not is_loopback(address):
        raise BadInput(
            f"--metrics {address}: it is plain HTTP and asks nobody who they are, so it listens"
            " on loopback alone, for example 127.0.0.1:9464; put a proxy with TLS before it"
        )
    try:
        server = ThreadingHTTPServer((host.strip("[]"), int(port)), _handler(metrics, ready))
    except OSError as error:
        raise AddressInUse(
            f"cannot listen on {address} ({error.strerror}); name another with --metrics"
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield f"{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _handler(metrics: Metrics, ready: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, metrics.render())
            elif path == "/healthz":
                self._answer(200, b"alive\n")
            elif path == "/readyz":
                is_ready = ready.is_set()
                self._answer(200 if is_ready else 503, b"ready\n" if is_ready else b"not ready\n")
            else:
                self._answer(404, b"there are /metrics, /healthz and /readyz\n")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", PLAIN)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Scrapes each few seconds are not worth a line."""

    return Handler
