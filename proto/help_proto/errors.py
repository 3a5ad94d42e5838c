"""The one table from errors to gRPC status and to exit codes.

A servicer aborts with the status and the error's class name in the trailing metadata, so
that a client raises the same class again.
"""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from help_core import errors

ERROR_METADATA_KEY = "help-error"


@dataclass(frozen=True, slots=True)
class Row:
    """How an error leaves a process."""

    status: grpc.StatusCode
    exit_code: int


_S = grpc.StatusCode
TABLE: dict[type[errors.HelpError], Row] = {
    errors.HelpError: Row(_S.INTERNAL, 1),
    errors.BadInput: Row(_S.INVALID_ARGUMENT, 2),
    errors.BadArchitecture: Row(_S.INVALID_ARGUMENT, 2),
    errors.BadTable: Row(_S.INVALID_ARGUMENT, 2),
    errors.BadCheckpoint: Row(_S.INVALID_ARGUMENT, 2),
    errors.NotFound: Row(_S.NOT_FOUND, 3),
    errors.Unreachable: Row(_S.UNAVAILABLE, 4),
    errors.AddressInUse: Row(_S.ALREADY_EXISTS, 5),
    errors.StoreError: Row(_S.DATA_LOSS, 6),
    errors.Conflict: Row(_S.FAILED_PRECONDITION, 7),
    errors.StaleLease: Row(_S.ABORTED, 7),
    errors.NothingMeets: Row(_S.OUT_OF_RANGE, 8),
    errors.MeasurementFailed: Row(_S.FAILED_PRECONDITION, 9),
    errors.TimedOut: Row(_S.DEADLINE_EXCEEDED, 10),
    errors.Incompatible: Row(_S.UNIMPLEMENTED, 11),
    errors.Unauthenticated: Row(_S.UNAUTHENTICATED, 12),
    errors.Forbidden: Row(_S.PERMISSION_DENIED, 13),
    errors.RateLimited: Row(_S.RESOURCE_EXHAUSTED, 14),
    errors.DeployFailed: Row(_S.FAILED_PRECONDITION, 15),
    errors.Cancelled: Row(_S.CANCELLED, 130),
}

_BY_NAME = {error.__name__: error for error in TABLE}
_BY_STATUS: dict[grpc.StatusCode, type[errors.HelpError]] = {
    _S.UNAVAILABLE: errors.Unreachable,
    _S.DEADLINE_EXCEEDED: errors.TimedOut,
    _S.UNIMPLEMENTED: errors.Incompatible,
    _S.CANCELLED: errors.Cancelled,
    _S.INVALID_ARGUMENT: errors.BadInput,
    _S.RESOURCE_EXHAUSTED: errors.BadInput,
    _S.NOT_FOUND: errors.NotFound,
    _S.UNAUTHENTICATED: errors.Unauthenticated,
    _S.PERMISSION_DENIED: errors.Forbidden,
}


def exit_code(error: errors.HelpError) -> int:
    """The exit code of a process that this error ends."""
    return TABLE[type(error)].exit_code


def status_of(error: errors.HelpError) -> grpc.StatusCode:
    """The gRPC status that this error travels as."""
    return TABLE[type(error)].status


def from_rpc(error: grpc.RpcError, address: str) -> errors.HelpError:
    """The error that a failed call to ``address`` stands for."""
    code, details = error.code(), error.details() or ""
    known = _BY_NAME.get(_named_error(error))
    if known is not None:
        return known(details)
    if code is _S.UNAVAILABLE and (distrust := _distrust(details)):
        return errors.Unauthenticated(
            f"{address} is not trusted: {distrust}; check the address, and the fingerprint that"
            " 'help-coord tls show' prints beside the coordinator"
        )
    if code is _S.UNAVAILABLE:
        reason = details.splitlines()[0][:120] if details else "no details"
        return errors.Unreachable(
            f"no coordinator answers at {address} ({reason});"
            " start one with 'help-coord serve' or name another with --coordinator"
        )
    if code is _S.DEADLINE_EXCEEDED:
        return errors.TimedOut(f"the coordinator at {address} did not answer in time; try again")
    return _BY_STATUS.get(code, errors.HelpError)(f"{address}: {code.name.lower()}: {details}")


def _distrust(details: str) -> str:
    """Why this side refused the other's certificate, or nothing if that was not it."""
    if "CERTIFICATE_VERIFY_FAILED" in details:
        reason = details.partition("CERTIFICATE_VERIFY_FAILED")[2].strip(": ").partition(":")[0]
        return f"its certificate was refused ({reason.partition(chr(10))[0][:80] or 'no reason'})"
    if "not match any subject name" in details or "Hostname Verification" in details:
        return "its certificate is for another name"
    return ""


def _named_error(error: grpc.RpcError) -> str:
    metadata: tuple[tuple[str, str | bytes], ...] = tuple(error.trailing_metadata() or ())  # type: ignore[arg-type]
    for key, value in metadata:
        if key == ERROR_METADATA_KEY:
            return value if isinstance(value, str) else value.decode()
    return ""
