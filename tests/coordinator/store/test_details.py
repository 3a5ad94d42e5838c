"""Nothing of a measurement is lost in a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from coordinator.store import JobOrder, Store, open_store
from coordinator.store.queries.details import parts, to_details
from help_core.records import (
    Board,
    ColdFigures,
    Device,
    Measurement,
    Purpose,
    Reading,
    Report,
    Settings,
    Summary,
    Verdict,
)

AGENT = "a" * 32
WHOLE = Measurement(
    samples_ns=(2_000_000, 1_500_000, 2**40),
    summary=Summary(2.0, 1.9, 2.1, 1.5, 1.8, 2.2, 2.05),
    verdict=Verdict.SUSPECT,
    reasons=("other-load", "spread"),
    readings=(Reading("cpu_temperature_c", None, 61.5, 60.0, 62.5), Reading("load_1min", 0.0, 0.1)),
    fingerprint={"kernel": "6.1", "governor": "\N{GREEK SMALL LETTER MU}"},
    processes=(
        ColdFigures(4.5, 30.0, 9.0, 20, 3, 2.0, ("spread",), 0.5),
        ColdFigures(4.5, 31.0, 8.0, 10, reasons=("other-load",), set_aside_ns=(7, 2**62)),
    ),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "postgresql":
        with request.getfixturevalue("postgres").database() as url:
            opened = open_store(url)
            yield opened
            opened.close()
        return
    opened = open_store(str(tmp_path / "s.db"))
    yield opened
    opened.close()


def test_a_measurement_comes_back_whole(store: Store) -> None:
    store.register(AGENT, "0.1.0", [Device("box", Board("x86"), Settings())], 0.0)
    store.enqueue([JobOrder("box", "nasbench201:a", Purpose.SUPPORT)])
    (job,) = store.lease(AGENT, ["box"], 1, 0.0, 60.0)
    store.record(AGENT, Report("k" * 32, job.job_id, job.token, 1.0, WHOLE), 0.0)
    (stored,) = store.measurements("box")
    assert stored.measurement == WHOLE


@pytest.mark.parametrize(
    ("kind", "written"),
    [(Summary, ["summary"]), (Reading, ["readings", 0]), (ColdFigures, ["processes", 0])],
)
def test_every_field_is_written(kind: type, written: list[str | int]) -> None:
    found = json.loads(to_details(WHOLE))
    for step in written:
        found = found[step]
    assert set(found) == {field.name for field in fields(kind)}


def test_what_older_coordinators_wrote_is_read() -> None:
    old = json.loads(to_details(WHOLE))
    for cold in old["processes"]:
        for name in ("samples", "median_ms", "reasons", "waited_ms", "set_aside_ns"):
            del cold[name]
    for reading in old["readings"]:
        del reading["low"], reading["high"]
    found = parts(old)
    assert found["processes"][0] == ColdFigures(4.5, 30.0, 9.0, 20)
    assert found["readings"][0] == Reading("cpu_temperature_c", None, 61.5)
