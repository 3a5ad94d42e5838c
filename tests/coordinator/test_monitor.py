"""Metrics are answered on this machine alone."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request

import pytest

from coordinator.metrics import Metrics
from coordinator.monitor import monitoring
from help_core.errors import BadInput


@pytest.mark.parametrize("address", ["0.0.0.0:0", "192.0.2.1:9464", "[::]:0", "coord.lab:9464"])
def test_beyond_loopback_metrics_are_refused_with_a_way_out(address: str) -> None:
    with (
        pytest.raises(BadInput, match="proxy with TLS"),
        monitoring(address, Metrics(), threading.Event()),
    ):
        pass


def test_on_loopback_metrics_and_readiness_are_answered() -> None:
    ready = threading.Event()
    with monitoring("127.0.0.1:0", Metrics(), ready) as address:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            assert b"help_" in answer.read()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{address}/readyz", timeout=10)
        assert refused.value.code == 503
        refused.value.close()
        ready.set()
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=10) as answer:
            assert answer.status == 200
