"""One compiled runner for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.boards.android.binaries import Binaries
from agent.boards.android.fake import FolderPhone
from tests.agent.boards.android.phones import make_binaries, make_phone


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Binaries:
    return make_binaries(tmp_path_factory.mktemp("runner"))


@pytest.fixture
def phone(tmp_path: Path) -> FolderPhone:
    return make_phone(tmp_path / "phone")
