"""Experiment 7: reports that come twice and in another order, under clocks that jump."""

from __future__ import annotations

import time
from collections import Counter

import grpc

from benchmarks.fault_lab import Lab, free_port
from benchmarks.fault_results import Folder, Result, Size
from benchmarks.fleet_agents import agent_id, replayed
from coordinator.store import open_store
from help_core import __version__
from help_core.records import Board, Device, Settings
from help_proto.v1 import agent_service_pb2 as pb
from help_proto.v1 import agent_service_pb2_grpc as rpc


def repeated_and_reordered(folder: Folder, size: Size) -> Result:
    """7. Everything delivered twice over two streams, one backwards; clocks jump by an hour."""
    port = free_port()
    with Lab(folder, str(folder / "c.db"), lease_s=8.0) as lab:
        process = lab.coordinator(port, "benchmarks.jumping_clock")
        lab.agent(port, "a0", delay_s=0.05)
        lab.enqueue(["a0"], size.jobs)
        _register(lab.url, 7, "twice")
        acknowledged: Counter[str] = Counter()
        for _ in range(size.rounds):
            lab.enqueue(["twice"], 100)
            acknowledged += _deliver_twice(port, 7, "twice")
        lab.finish()
        assert process.poll() is None
        counts = lab.counts()
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(acknowledged.items()))
        remark = f"receipts: {kinds}; leases that ended: {counts.expired}"
        return Result("repeated, clocks jump", counts, remark)


def _register(url: str, number: int, name: str) -> None:
    store = open_store(url)
    device = Device(name, Board("replay"), Settings(runtime="replay"))
    store.register(agent_id(number), __version__, [device], time.time())
    store.close()


def _deliver_twice(port: int, number: int, name: str) -> Counter[str]:
    answers = replayed(30)
    found: Counter[str] = Counter()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = rpc.AgentServiceStub(channel)
        request = pb.LeaseJobsRequest(agent_id=agent_id(number), devices=[name], max_jobs=100)
        batches = []
        for job in stub.LeaseJobs(request, timeout=30).jobs:
            batch = pb.DeliverReportsRequest(agent_id=agent_id(number))
            report = batch.reports.add(key=f"twice-{job.job_id:08}", job_id=job.job_id)
            report.token = job.token
            report.measurement.CopyFrom(answers[job.architecture])
            batches.append(batch)
        streams = [stub.DeliverReports(iter(batches)), stub.DeliverReports(iter(batches[::-1]))]
        for responses in zip(*streams, strict=True):
            for response in responses:
                kind = pb.Acknowledgement.Name(response.receipts[0].acknowledgement)
                kind = kind.removeprefix("ACKNOWLEDGEMENT_").lower()
                found[kind] += 1
    return found
