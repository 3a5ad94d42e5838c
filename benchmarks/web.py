"""How long the pages take with 1,000 devices and 1,000,000 measurements in the store.

    python benchmarks/web.py --folder /tmp/web-bench

Fills a store straight through SQL (once; it is used again if it is there), serves it as
``help-coord serve --http`` does, asks for every page and its JSON over a real connection,
and prints the median and the 99th percentile of each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import sqlalchemy as sa

from coordinator.server import ServerOptions, running
from coordinator.store import SqlStore, open_store
from coordinator.store.engine import make_engine
from coordinator.store.tables import collections
from help_core.records import (
    AdaptOrder,
    AdaptRun,
    Answer,
    Board,
    CloudPoint,
    Device,
    LimitOutcome,
    MeasuredPoint,
    Pick,
    Progress,
    RunState,
    Settings,
    Summary,
    Verdict,
)
from help_core.spaces import get_gene_space

COLLECTIONS = 40
ARCHITECTURES = 4000
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)"
JOINED = """
FROM n JOIN d ON d.id = i % :devices JOIN a ON a.id = i / :devices % :architectures
"""
JOBS = f"""
INSERT INTO jobs (id, device, architecture, purpose, collection, priority, state, attempts, token,
 agent_id, error)
{NUMBERS}
SELECT i + 1, d.name, a.name, 'collect', printf('c-%03d', i % :collections), 0,
 iif(i % 97 = 0, 'failed', 'done'), 1, 1, '', iif(i % 97 = 0, 'timed-out: too slow', '')
{JOINED}
"""
READING = """json_object('name', '{name}', 'before', {value}, 'after', {value} + 1, 'low', {value},
 'high', {value} + 2)"""
READINGS = ", ".join(
    READING.format(name=name, value=value)
    for name, value in (
        ("cpu_temperature_c", "48.0 + i / 7 % 20"),
        ("cpu_clock_mhz", "1500.0"),
        ("load_1min", "0.3"),
    )
)
REPORTS = f"""
INSERT INTO reports (key, job_id, token, stale, agent_id, device, architecture, measured_unix_s,
 verdict, median_ms, samples_ns, details, failure_class, message)
{NUMBERS}
SELECT printf('key-%09d', i), i + 1, 1, 0, '', d.name, a.name, :begin_s + i,
 iif(i % 97 = 0, '', iif(i % 31 = 0, 'suspect', 'valid')),
 iif(i % 97 = 0, NULL, 5.0 + i * 7919 % 60000 / 1000.0),
 iif(i % 97 = 0, NULL, :samples),
 iif(i % 97 = 0, NULL, json_object('summary', json(:summary),
  'reasons', iif(i % 31 = 0, json_array('other-load'), json_array()),
  'readings', json_array({READINGS}), 'fingerprint', json_object(), 'processes', json_array())),
 iif(i % 97 = 0, 'timed-out', ''), iif(i % 97 = 0, 'too slow', '')
{JOINED}
"""
RUN = "0123456789abcdef"
LINE = "{path:<48} p50 {p50_ms:5.0f} ms  p99 {p99_ms:5.0f} ms  {kb:6.1f} kB"


def main() -> None:
    """Fills, serves, asks, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--measurements", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--http", default="127.0.0.1:0", help="where the pages are served")
    parser.add_argument("--stay", action="store_true", help="go on serving, to look at the pages")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    path = given.folder / f"web-{given.devices}-{given.measurements}.db"
    if not path.exists():
        begin_s = time.perf_counter()
        fill(path, given.devices, given.measurements)
        print(
            f"filled in {time.perf_counter() - begin_s:.0f} s: {path.stat().st_size / 1e9:.2f} GB"
        )
    store = open_store(str(path))
    try:
        asyncio.run(serve(store, given))
    finally:
        store.close()


def fill(path: Path, device_count: int, measurement_count: int) -> None:
    """A store as agents would have made it, but straight through SQL."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    store = open_store(str(part))
    names = [f"pi-{number:04}" for number in range(device_count)]
    settings = Settings(threads=4)
    for agent in range(0, device_count, 4):
        board = Board("raspberry-pi", "Raspberry Pi 4 Model B", "BCM2711", "Debian 12", 4, 8 << 30)
        offered = [Device(name, board, settings) for name in names[agent : agent + 4]]
        store.register(f"{agent:032x}", "0.1.0", offered, time.time() - 7.0 * agent)
    fill_runs(store, names)
    store.close()
    engine = make_engine(str(part)).execution_options(help_durable=False)
    with engine.connect() as connection, connection.begin():
        fill_measurements(connection, names, measurement_count)
    engine.dispose()
    part.rename(path)


def fill_measurements(connection: sa.Connection, names: list[str], count: int) -> None:
    """Jobs with their reports: valid ones, a few suspect, a few failures. SQLite makes the rows."""
    space, rng = get_gene_space("nasbench201"), np.random.default_rng(0)
    genes = rng.integers(0, 5, (ARCHITECTURES, 6))
    tables = {"d": names, "a": [str(one) for one in space.from_genes(genes)]}
    for table, values in tables.items():
        connection.exec_driver_sql(f"CREATE TEMP TABLE {table} (id INTEGER PRIMARY KEY, name TEXT)")
        rows = [(number, value) for number, value in enumerate(values)]
        connection.exec_driver_sql(f"INSERT INTO {table} VALUES (?, ?)", rows)  # noqa: S608
    connection.execute(
        collections.insert(),
        [
            {"name": f"c-{n:03}", "priority": 0, "created_s": float(n), "ended": ""}
            for n in range(COLLECTIONS)
        ],
    )
    given = {
        "count": count,
        "devices": len(names),
        "architectures": ARCHITECTURES,
        "collections": COLLECTIONS,
        "begin_s": time.time() - count,
        "samples": np.full(20, 10_000_000, dtype="<u8").tobytes(),
        "summary": json.dumps(asdict(Summary(*[10.0] * 7))),
    }
    for statement in (JOBS, REPORTS):
        connection.execute(sa.text(statement), given)


def fill_runs(store: SqlStore, names: list[str]) -> None:
    """A hundred answers with clouds of the usual size."""
    rng, space = np.random.default_rng(1), get_gene_space("nasbench201")
    references = [str(one) for one in space.reference_architectures()]
    for number in range(100):
        run_id = RUN if number == 0 else f"{number:016x}"
        order = AdaptOrder(names[number % len(names)], space.name, "transfer")
        progress = Progress("begin", 0, 1, "begun")
        began_s = time.time() - number
        run = AdaptRun(run_id, order, "bench", True, RunState.RUNNING, began_s, None, progress, "")
        store.runs.open(run, "bench")
        points = zip(rng.lognormal(2.5, 0.6, 2200), rng.uniform(40, 73, 2200), strict=True)
        support = tuple(
            MeasuredPoint(name, float(rng.lognormal(2.5, 0.4)), 12.0, Verdict.VALID)
            for name in references
        )
        picks = tuple(
            Pick(
                10.0 * k, references[k], 9.0 * k, 8.0 * k, 10.0 * k, 9.1 * k, 60.0 + k, 10**6, 10**8
            )
            for k in range(1, 5)
        )
        limits = tuple(LimitOutcome(pick.limit_ms, True, "confirmed") for pick in picks)
        answer = Answer(
            order.device, space.name, "transfer", "shipped model", picks, limits, support, (),
            tuple(CloudPoint(float(x), float(y)) for x, y in points), (), 60.0,
        )  # fmt: skip
        store.runs.end(run_id, RunState.DONE, "", answer, time.time())


def wanted_paths(device: str) -> list[str]:
    """Every page, and the JSON that its charts and streams are made of."""
    api = f"/api/v1/devices/{device}"
    return [
        "/",
        "/?page=20",
        "/?q=pi-09&presence=offline",
        f"/devices/{device}",
        "/collections",
        "/collections/c-007",
        "/collections/new",
        "/answers",
        f"/answers/{RUN}",
        f"/answers/new?device={device}",
        f"{api}/conditions",
        f"{api}/embedding?space=nasbench201",
        f"{api}/predictions?space=nasbench201",
        f"/api/v1/answers/{RUN}",
        "/api/v1/devices?limit=500",
        "/api/v1/collections",
        "/api/v1/jobs?state=failed",
    ]


async def serve(store: SqlStore, given: argparse.Namespace) -> None:
    """Serves the store as ``help-coord serve`` does, and asks."""
    options = ServerOptions(http=given.http)
    async with running("127.0.0.1:0", store, options) as bound:
        print(f"pages on {bound.pages}")
        rows = []
        async with httpx.AsyncClient(base_url=bound.pages, timeout=60.0) as http:
            for path in wanted_paths("pi-0000"):
                rows.append(await ask(http, path, given.requests))
                print(LINE.format(**rows[-1]))
        slowest = max(rows, key=lambda row: row["p99_ms"])
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        print(f"load of the machine meanwhile: {load:.1f} for each core")
        counts = {"devices": given.devices, "measurements": given.measurements}
        print(json.dumps({**counts, "slowest": slowest}))
        if given.stay:
            await asyncio.Event().wait()


async def ask(http: httpx.AsyncClient, path: str, count: int) -> dict[str, Any]:
    """Times of ``count`` requests one after the other, after one that warms up."""
    first = await http.get(path)
    first.raise_for_status()
    times_ms = []
    for _ in range(count):
        begin_s = time.perf_counter()
        (await http.get(path)).raise_for_status()
        times_ms.append(1e3 * (time.perf_counter() - begin_s))
    p50_ms, p99_ms = np.percentile(times_ms, [50, 99]).tolist()
    return {"path": path, "p50_ms": p50_ms, "p99_ms": p99_ms, "kb": len(first.content) / 1e3}


if __name__ == "__main__":
    main()
