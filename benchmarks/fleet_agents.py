"""Simulated agents over real gRPC connections: ``python -m benchmarks.fleet_agents``.

One process plays many agents, each with a connection, a device and a replay board of its own.
Used by ``benchmarks/fleet.py``; prints what its agents saw as one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import numpy as np

from agent.boards.replay import ReplayBoard
from agent.measure.statistics import summarise
from help_core import __version__
from help_core.records import Measurement, Report, Settings, Verdict
from help_core.spaces.nasbench201 import NasBench201
from help_proto.channel import CLIENT_OPTIONS
from help_proto.convert_report import to_report
from help_proto.v1 import agent_service_pb2 as pb
from help_proto.v1 import agent_service_pb2_grpc as rpc
from help_proto.v1 import fleet_types_pb2 as types

ARCHITECTURES = 500
OPTIONS = (*CLIENT_OPTIONS, ("grpc.use_local_subchannel_pool", 1))
"""A connection of its own for each agent, although they share a process."""


def architectures() -> list[str]:
    """Those that the fleet measures."""
    space = NasBench201()
    return [str(one) for one in space.from_genes(space.all_genes()[::31][:ARCHITECTURES])]


def device_name(number: int) -> str:
    """The device of an agent."""
    return f"sim-{number:05}"


def agent_id(number: int) -> str:
    """The identity of an agent."""
    return f"{number:032x}"


def replayed(samples: int) -> dict[str, types.Measurement]:
    """What a replay board answers for each architecture, with so many raw samples around it."""
    space = NasBench201()
    rng = np.random.default_rng(0)
    names = architectures()
    board = ReplayBoard(
        {space.parse(name): float(rng.uniform(1, 50)) for name in names}, "simulated"
    )
    answers: dict[str, types.Measurement] = {}
    for name in names:
        outcome = board.measure(space.parse(name), Settings(runtime="replay", provider="table"))
        assert isinstance(outcome, Measurement)
        around = rng.lognormal(0, 0.01, samples) * outcome.samples_ns[0]
        samples_ns = tuple(np.round(around).astype(int).tolist())
        full = Measurement(samples_ns, summarise(samples_ns), Verdict.VALID)
        answers[name] = to_report(Report("k" * 32, 1, 1, 0.0, full)).measurement
    return answers


@dataclass(slots=True)
class Seen:
    """What the agents of one process saw."""

    stored: int = 0
    other: int = 0
    errors: int = 0
    lease_s: list[float] = field(default_factory=list)
    report_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the agents of a process behave."""

    address: str
    end_s: float
    """By the monotonic clock, which processes of a machine share."""
    batch: int
    pause_s: float
    """Between batches of one agent; what measuring them would take."""


async def simulate(number: int, plan: Plan, answers: dict[str, types.Measurement]) -> Seen:
    """One agent: leases, answers, delivers, until the end."""
    seen = Seen()
    device = device_name(number)
    async with grpc.aio.insecure_channel(plan.address, options=OPTIONS) as channel:
        stub = rpc.AgentServiceStub(channel)
        await _register(stub, number)
        call = stub.DeliverReports()
        # Agents of a fleet are not in step.
        await asyncio.sleep(plan.pause_s * (number * 0.618 % 1))
        while time.monotonic() < plan.end_s:
            begin = time.monotonic()
            request = pb.LeaseJobsRequest(
                agent_id=agent_id(number), devices=[device], max_jobs=plan.batch, wait_s=1
            )
            leased = (await stub.LeaseJobs(request, timeout=60)).jobs
            seen.lease_s.append(time.monotonic() - begin)
            if not leased:
                continue
            await asyncio.sleep(plan.pause_s)
            batch = pb.DeliverReportsRequest(agent_id=agent_id(number))
            for job in leased:
                report = batch.reports.add(
                    key=f"{number:08x}{job.job_id:016x}{job.token:08x}",
                    job_id=job.job_id,
                    token=job.token,
                    measured_unix_s=1.0,
                )
                report.measurement.CopyFrom(answers[job.architecture])
            begin = time.monotonic()
            await call.write(batch)
            response = await call.read()
            seen.report_s.append(time.monotonic() - begin)
            assert isinstance(response, pb.DeliverReportsResponse)
            stored = sum(
                one.acknowledgement == pb.ACKNOWLEDGEMENT_STORED for one in response.receipts
            )
            seen.stored += stored
            seen.other += len(response.receipts) - stored
        await call.done_writing()
    return seen


async def _register(stub: rpc.AgentServiceStub, number: int) -> None:
    offer = pb.DeviceOffer(name=device_name(number))
    offer.board.kind = offer.settings.runtime = "replay"
    offer.settings.provider, offer.settings.precision = "table", "fp32"
    offer.settings.threads = offer.settings.batch_size = 1
    request = pb.RegisterRequest(
        agent_id=agent_id(number), agent_version=__version__, devices=[offer]
    )
    await stub.Register(request, timeout=60, wait_for_ready=True)  # type: ignore[misc]


async def _all(numbers: range, plan: Plan, samples: int) -> AsyncIterator[Seen | Exception]:
    answers = replayed(samples)
    tasks = [asyncio.create_task(simulate(number, plan, answers)) for number in numbers]
    for task in tasks:
        try:
            yield await task
        except grpc.RpcError as error:
            yield error


async def _run(arguments: argparse.Namespace) -> Seen:
    plan = Plan(arguments.address, arguments.end_s, arguments.batch, arguments.pause_s)
    total = Seen()
    async for seen in _all(range(arguments.first, arguments.last), plan, arguments.samples):
        if isinstance(seen, Exception):
            total.errors += 1
            continue
        total.stored += seen.stored
        total.other += seen.other
        total.lease_s += seen.lease_s
        total.report_s += seen.report_s
    return total


def main() -> None:
    """Plays agents FIRST to LAST."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--end-s", type=float, required=True)
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--pause-s", type=float, default=0.0)
    seen = asyncio.run(_run(parser.parse_args()))
    print(
        json.dumps(
            {
                "stored": seen.stored,
                "other": seen.other,
                "errors": seen.errors,
                "lease_s": seen.lease_s,
                "report_s": seen.report_s,
            }
        )
    )


if __name__ == "__main__":
    main()
