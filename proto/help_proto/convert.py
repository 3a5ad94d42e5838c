"""Records to messages and back: the only code that knows both.

``to_*`` makes a message of a record, ``from_*`` a record of a message. What arrives is
untrusted: a record that cannot be made of it raises ``BadInput``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from help_core.errors import BadInput
from help_core.graphs.precision import PRECISIONS
from help_core.records import (
    Board,
    CollectionStatus,
    Device,
    DeviceStatus,
    Job,
    JobState,
    LeasedJob,
    LeaseRef,
    Purpose,
    Settings,
)
from help_proto.v1 import agent_service_pb2 as agent_pb
from help_proto.v1 import fleet_service_pb2 as fleet_pb
from help_proto.v1 import fleet_types_pb2 as pb

E = TypeVar("E", bound=StrEnum)

MAX_TEXT_CHARS = 4096
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
MAX_NUMBER = 2**63 - 1
"""The wire has unsigned 64-bit numbers; databases have signed ones."""


def text(field: str, value: str, limit: int = MAX_TEXT_CHARS) -> str:
    """``value`` with what would command a terminal replaced, line ends kept.

    Raises ``BadInput`` if it is longer than ``limit`` or holds a NUL.
    """
    if len(value) > limit or "\0" in value:
        raise BadInput(f"{field} is {len(value)} characters or holds a NUL; at most {limit}")
    if value.isprintable():
        return value
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in value
    )


def number(field: str, value: int) -> int:
    """``value`` if a database can hold it; raises ``BadInput``."""
    if value > MAX_NUMBER:
        raise BadInput(f"{field} {value} is above {MAX_NUMBER}")
    return value


def enum_number(prefix: str, wire: object, value: StrEnum) -> int:
    """The number of a record's enum value in a wire enum, by name."""
    value_number: int = wire.Value(f"{prefix}_{value.name}")  # type: ignore[attr-defined]
    return value_number


def enum_value(prefix: str, wire: object, kind: type[E], number: int) -> E:
    """The record's enum value of a wire number; raises ``BadInput`` if there is none."""
    try:
        name: str = wire.Name(number)  # type: ignore[attr-defined]
        return kind[name.removeprefix(f"{prefix}_")]
    except (ValueError, KeyError):
        raise BadInput(f"{prefix.lower()} {number} is unknown here; upgrade this side") from None


def to_settings(settings: Settings) -> pb.Settings:
    """Settings to the wire."""
    return pb.Settings(
        runtime=settings.runtime,
        provider=settings.provider,
        threads=settings.threads,
        batch_size=settings.batch_size,
        precision=settings.precision,
    )


def from_settings(message: pb.Settings) -> Settings:
    """Settings from the wire."""
    for precision in PRECISIONS:
        if precision == message.precision:
            return Settings(
                runtime=text("runtime", message.runtime, 64),
                provider=text("provider", message.provider, 64),
                threads=message.threads,
                batch_size=message.batch_size,
                precision=precision,
            )
    raise BadInput(f"precision {message.precision[:40]!r} is unknown; use {', '.join(PRECISIONS)}")


def to_board(board: Board) -> pb.Board:
    """Board to the wire."""
    return pb.Board(
        kind=board.kind,
        model=board.model,
        processor=board.processor,
        operating_system=board.operating_system,
        cores=board.cores,
        memory_bytes=board.memory_bytes,
    )


def from_board(message: pb.Board) -> Board:
    """Board from the wire."""
    return Board(
        kind=text("board kind", message.kind, 64),
        model=text("board model", message.model, 256),
        processor=text("processor", message.processor, 256),
        operating_system=text("operating system", message.operating_system, 256),
        cores=message.cores,
        memory_bytes=message.memory_bytes,
    )


def to_device(device: Device) -> pb.Device:
    """Device to the wire."""
    return pb.Device(
        name=device.name,
        board=to_board(device.board),
        settings=to_settings(device.settings),
        agent_id=device.agent_id,
        last_seen_unix_s=device.last_seen_unix_s,
        online=device.online,
        away=device.away,
    )


def from_device(message: pb.Device) -> Device:
    """Device from the wire."""
    return Device(
        name=message.name,
        board=from_board(message.board),
        settings=from_settings(message.settings),
        agent_id=text("agent id", message.agent_id, 64),
        last_seen_unix_s=message.last_seen_unix_s,
        online=message.online,
        away=message.away,
    )


def to_offer(device: Device) -> agent_pb.DeviceOffer:
    """A device as its agent offers it."""
    return agent_pb.DeviceOffer(
        name=device.name,
        board=to_board(device.board),
        settings=to_settings(device.settings),
        away=device.away,
    )


def from_offer(message: agent_pb.DeviceOffer, agent_id: str) -> Device:
    """An offered device."""
    return Device(
        name=message.name,
        board=from_board(message.board),
        settings=from_settings(message.settings),
        agent_id=agent_id,
        away=message.away,
    )


def to_device_status(status: DeviceStatus) -> fleet_pb.DeviceStatus:
    """Device status to the wire."""
    return fleet_pb.DeviceStatus(
        device=to_device(status.device),
        queued_jobs=status.queued_jobs,
        leased_jobs=status.leased_jobs,
        failed_jobs=status.failed_jobs,
        valid_measurements=status.valid_measurements,
        suspect_measurements=status.suspect_measurements,
        labels=dict(status.labels),
        note=status.note,
        failures_in_row=status.failures_in_row,
        quarantined=status.quarantined,
    )


def from_device_status(message: fleet_pb.DeviceStatus) -> DeviceStatus:
    """Device status from the wire."""
    return DeviceStatus(
        device=from_device(message.device),
        queued_jobs=message.queued_jobs,
        leased_jobs=message.leased_jobs,
        failed_jobs=message.failed_jobs,
        valid_measurements=message.valid_measurements,
        suspect_measurements=message.suspect_measurements,
        labels=dict(message.labels),
        note=message.note,
        failures_in_row=message.failures_in_row,
        quarantined=message.quarantined,
    )


def to_collection(status: CollectionStatus) -> fleet_pb.Collection:
    """Collection to the wire."""
    return fleet_pb.Collection(
        name=status.name,
        priority=status.priority,
        created_unix_s=status.created_unix_s,
        deadline_unix_s=status.deadline_unix_s,
        ended=status.ended,
        queued=status.queued,
        leased=status.leased,
        done=status.done,
        failed=status.failed,
        cancelled=status.cancelled,
    )


def from_collection(message: fleet_pb.Collection) -> CollectionStatus:
    """Collection from the wire."""
    return CollectionStatus(
        name=message.name,
        priority=message.priority,
        created_unix_s=message.created_unix_s,
        deadline_unix_s=message.deadline_unix_s if message.HasField("deadline_unix_s") else None,
        ended=message.ended,
        queued=message.queued,
        leased=message.leased,
        done=message.done,
        failed=message.failed,
        cancelled=message.cancelled,
    )


def to_job(job: Job) -> pb.Job:
    """Job to the wire."""
    return pb.Job(
        id=job.id,
        device=job.device,
        architecture=job.architecture,
        purpose=pb.Purpose.ValueType(enum_number("PURPOSE", pb.Purpose, job.purpose)),
        state=to_job_state(job.state),
        attempts=job.attempts,
        agent_id=job.agent_id,
        error=job.error,
        collection=job.collection,
    )


def from_job(message: pb.Job) -> Job:
    """Job from the wire."""
    return Job(
        id=message.id,
        device=message.device,
        architecture=message.architecture,
        purpose=enum_value("PURPOSE", pb.Purpose, Purpose, message.purpose),
        state=from_job_state(message.state),
        attempts=message.attempts,
        agent_id=message.agent_id,
        error=message.error,
        collection=message.collection,
    )


def to_job_state(state: JobState) -> pb.JobState.ValueType:
    """Job state to the wire."""
    return pb.JobState.ValueType(enum_number("JOB_STATE", pb.JobState, state))


def from_job_state(number: int) -> JobState:
    """Job state from the wire."""
    return enum_value("JOB_STATE", pb.JobState, JobState, number)


def to_leased_job(job: LeasedJob) -> agent_pb.LeasedJob:
    """Leased job to the wire."""
    return agent_pb.LeasedJob(
        job_id=job.job_id, token=job.token, device=job.device, architecture=job.architecture
    )


def from_leased_job(message: agent_pb.LeasedJob) -> LeasedJob:
    """Leased job from the wire."""
    return LeasedJob(
        message.job_id,
        message.token,
        message.device,
        text("architecture", message.architecture),
    )


def to_lease_ref(ref: LeaseRef) -> agent_pb.LeaseRef:
    """Lease reference to the wire."""
    return agent_pb.LeaseRef(job_id=ref.job_id, token=ref.token)


def from_lease_ref(message: agent_pb.LeaseRef) -> LeaseRef:
    """Lease reference from the wire."""
    return LeaseRef(number("job id", message.job_id), number("token", message.token))
