"""One coordinator with TLS for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.coordinator.security.secure import Secure, secure_coordinator


@pytest.fixture(scope="session")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    with secure_coordinator(tmp_path_factory.mktemp("secure")) as found:
        yield found
