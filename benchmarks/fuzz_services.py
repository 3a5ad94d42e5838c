"""Sends hostile messages to every method of a coordinator and counts what comes back.

    python benchmarks/fuzz_services.py --messages 100000

Prints the answers by kind of message, the defects in the coordinator's log (must be 0), and
its memory before and after. The coordinator runs in a process of its own, on loopback in the
clear, so that every message gets past the gate and into the code behind it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from help_proto.v1 import (
    access_service_pb2,
    agent_service_pb2,
    fleet_service_pb2,
    model_service_pb2,
)

FILES = (access_service_pb2, agent_service_pb2, fleet_service_pb2, model_service_pb2, health_pb2)
OVERSIZED_BYTES = 5 * 2**20
DEADLINE_S = 1.0
PARTS = 5
QUIET_S = 40.0
"""After the messages; housekeeping returns free memory each half minute."""
IN_FLIGHT = 32
CLIENT_SIDE = "Internal error from Core"
"""What the client's own library says when a stream is refused while it still writes."""
AGENT = "f" * 32
DEVICE = "fuzz-board"
CELL = "nasbench201:|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|"

PLAUSIBLE = (AGENT, DEVICE, CELL, "nasbench201", "fbnet", "0.1.0", "fp32", "onnxruntime", "help")
HOSTILE = (
    "",
    "\0",
    "../../../etc/passwd",
    "'; DROP TABLE jobs; --",
    '" OR 1=1 --',
    "$(touch /tmp/help-fuzz)",
    "`id`",
    "%s%n%x",
    "{0.__class__}",
    "\x1b[31mred\x1b]0;title\x07",
    "[link=http://x]rich[/link]",
    "‮evil",
    "a\nb\rc",
    "\U0001f4a3" * 20,
    "nasbench201:" + "|" * 5000,
    "own:" + "(" * 2000,
    "ofa:" + "9" * 400,
    "x" * 70_000,
)
INTEGERS = (0, 1, 2, 7, 100, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
FLOATS = (0.0, -0.0, 1.0, 20.0, -1.0, 1e-300, 1e308, float("inf"), float("-inf"), float("nan"))


@dataclass
class Tally:
    """What came back."""

    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)


def all_methods() -> list[MethodDescriptor]:
    """Every method that the coordinator serves, but for reflection."""
    return [
        method
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]


def random_message(kind: type[Message], rng: random.Random, depth: int = 0) -> Message:
    """A message of that kind with plausible and hostile values."""
    message = kind()
    for one in kind.DESCRIPTOR.fields:
        if rng.random() < 0.2:
            continue
        _fill(message, one, rng, depth)
    return message


def _fill(message: Message, one: Any, rng: random.Random, depth: int) -> None:
    entry = one.message_type is not None and one.message_type.GetOptions().map_entry
    if entry:
        getattr(message, one.name)[_text(rng)] = _text(rng)
    elif one.is_repeated:
        count = rng.choice((0, 1, 1, 2, 5, 300 if depth == 0 else 3))
        values = getattr(message, one.name)
        for _ in range(count if depth < 4 else 0):
            if one.message_type is not None:
                values.add().CopyFrom(_nested(one, rng, depth))
            else:
                values.append(_scalar(one, rng))
    elif one.message_type is not None:
        if depth < 4:
            getattr(message, one.name).CopyFrom(_nested(one, rng, depth))
    else:
        setattr(message, one.name, _scalar(one, rng))


def _nested(one: Any, rng: random.Random, depth: int) -> Message:
    return random_message(message_factory.GetMessageClass(one.message_type), rng, depth + 1)


def _text(rng: random.Random) -> str:
    return rng.choice(PLAUSIBLE if rng.random() < 0.6 else HOSTILE)


def _scalar(one: Any, rng: random.Random) -> Any:
    kinds = FieldDescriptor
    if one.cpp_type == kinds.CPPTYPE_STRING:
        return _text(rng).encode()[:9000] if one.type == kinds.TYPE_BYTES else _text(rng)
    if one.cpp_type == kinds.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if one.cpp_type in (kinds.CPPTYPE_DOUBLE, kinds.CPPTYPE_FLOAT):
        return rng.choice(FLOATS)
    if one.cpp_type == kinds.CPPTYPE_ENUM:
        return rng.choice((0, 1, 2, 3, 99))
    limit = 2**32 if one.cpp_type == kinds.CPPTYPE_UINT32 else 2**64
    if one.cpp_type in (kinds.CPPTYPE_INT32, kinds.CPPTYPE_INT64):
        limit = 2**31
    return rng.choice([value for value in INTEGERS if value < limit])


def payload(method: MethodDescriptor, rng: random.Random) -> tuple[str, bytes]:
    """A kind of message and its bytes."""
    roll = rng.random()
    if roll < 0.002:
        return "oversized", bytes(OVERSIZED_BYTES)
    if roll < 0.1:
        return "garbage", rng.randbytes(rng.choice((1, 10, 200, 5000)))
    kind = message_factory.GetMessageClass(method.input_type)
    content = random_message(kind, rng).SerializeToString()
    if roll < 0.3 and content:
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 8)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        return "damaged", bytes(damaged[: rng.randint(1, len(damaged))])
    return "hostile", content


async def send(
    channel: grpc.aio.Channel,
    method: MethodDescriptor,
    rng: random.Random,
    deadline_s: float = DEADLINE_S,
) -> Any:
    """One call; returns the kind of its message and the status it ended with."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    kinds, parts = zip(
        *(payload(method, rng) for _ in range(rng.randint(1, 3) if method.client_streaming else 1)),
        strict=True,
    )
    # A message that is too large ends a stream while the client still writes to it.
    kind = "oversized" if "oversized" in kinds else kinds[0]
    given: Any = _stream(parts) if method.client_streaming else parts[0]
    name = "_".join(
        "stream" if streaming else "unary"
        for streaming in (method.client_streaming, method.server_streaming)
    )
    call = getattr(channel, name)(path)(given, timeout=deadline_s)
    try:
        if method.server_streaming:
            async for _ in call:
                pass
        else:
            await call
        code = "OK"
        details = ""
    except grpc.aio.AioRpcError as error:
        code, details = error.code().name, error.details() or ""
    except asyncio.CancelledError:
        # So the client's library ends some streams whose deadline passes while it writes.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        code, details = "CANCELLED", ""
    return kind, code, details


async def _stream(parts: Sequence[bytes]) -> Any:
    for part in parts:
        yield part


async def fuzz(address: str, count: int, seed: int, deadline_s: float = DEADLINE_S) -> Tally:
    """Sends so many messages, some at a time, to all methods in turn."""
    tally = Tally()
    methods = all_methods()
    turns = iter(range(count))
    options = [("grpc.max_send_message_length", 64 * 2**20)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:

        async def worker() -> None:
            for turn in turns:
                method = methods[turn % len(methods)]
                kind, code, details = await send(
                    channel, method, random.Random(seed * 10**7 + turn), deadline_s
                )
                tally.statuses[kind, code] += 1
                if code in ("INTERNAL", "UNKNOWN") and CLIENT_SIDE not in details:
                    tally.defects.append(f"{method.full_name} (turn {turn}): {code} {details}")

        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return tally


@contextmanager
def coordinator(folder: Path, store: str = "") -> Iterator[tuple[str, int, Path]]:
    """A coordinator of its own: its address, its process and its log. SQLite by default."""
    log = folder / "coordinator.log"
    command = [sys.executable, "-m", "coordinator.main", "serve", "--listen", "127.0.0.1:0"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--store", store or str(folder / "fuzz.db")],
            stdout=file,
            stderr=file,
            env={**os.environ, "COLUMNS": "300"},
        )
    try:
        yield _wait_for_address(process, log), process.pid, log
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        words = log.read_text().split()
        if "on" in words[:-1]:
            return words[words.index("on") + 1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"the coordinator did not start: {log.read_text()}")


def resident_mib(pid: int) -> float:
    """Memory of a process now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def prepare(address: str) -> None:
    """Registers a device and queues jobs, so that messages find something to act on."""
    from help_proto.v1.agent_service_pb2_grpc import AgentServiceStub

    offer = agent_service_pb2.DeviceOffer(name=DEVICE)
    offer.settings.threads = offer.settings.batch_size = 1
    offer.settings.precision = "fp32"
    request = agent_service_pb2.RegisterRequest(
        agent_id=AGENT, agent_version="0.1.0", devices=[offer]
    )
    with grpc.insecure_channel(address) as channel:
        AgentServiceStub(channel).Register(request, timeout=30)


def still_serves(address: str) -> bool:
    """Whether the coordinator answers a plain question."""
    from help_proto.v1.fleet_service_pb2_grpc import FleetServiceStub

    with grpc.insecure_channel(address) as channel:
        stub = FleetServiceStub(channel)
        answer = stub.ListDevices(fleet_service_pb2.ListDevicesRequest(), timeout=30)
    return any(status.device.name == DEVICE for status in answer.devices)


def logged_defects(log: Path) -> list[str]:
    """The last line of the traceback of each defect in the coordinator's log."""
    # The second is what gRPC itself says of an exception that got past our own table of errors.
    begin = re.compile(r"defect while serving|Unexpected \[")
    _, *parts = begin.split(log.read_text(errors="replace"))
    pattern = re.compile(r"^\s*([\w.]*(?:Error|Exception|Interrupt|Exit)\b.*)$", re.MULTILINE)
    found = []
    for part in parts:
        lines = pattern.findall(part)
        found.append(lines[-1].strip() if lines else "a defect without a traceback")
    return found


def main() -> None:
    """Runs the long form."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", default="", help="URL of an empty database; by default SQLite")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        coordinator(Path(name), arguments.store) as (address, pid, log),
    ):
        prepare(address)
        warm = asyncio.run(fuzz(address, min(2000, arguments.messages), arguments.seed + 1))
        before, begin = resident_mib(pid), time.monotonic()
        tally, memory = Tally(), [before]
        for part in range(PARTS):
            found = asyncio.run(
                fuzz(address, arguments.messages // PARTS, arguments.seed * PARTS + part + 2)
            )
            tally.statuses += found.statuses
            tally.defects += found.defects
            memory.append(resident_mib(pid))
        elapsed_s = time.monotonic() - begin
        time.sleep(QUIET_S)
        rested = resident_mib(pid)
        defects = tally.defects + warm.defects
        logged = logged_defects(log)
        for (kind, code), count in sorted(tally.statuses.items()):
            print(f"{kind:10} {code:20} {count:8}")
        print(f"{arguments.messages} messages to {len(all_methods())} methods, {elapsed_s:.0f} s")
        print("memory before and after each part:", *(f"{mib:.0f} MiB" for mib in memory))
        print(f"memory after {QUIET_S:.0f} quiet seconds: {rested:.0f} MiB")
        print(
            f"still serves: {still_serves(address)}; defects: {len(defects)}, logged {len(logged)}"
        )
        for line in [*defects[:20], *sorted(set(logged))]:
            print(" ", line)
    sys.exit(bool(defects or logged))


if __name__ == "__main__":
    main()
