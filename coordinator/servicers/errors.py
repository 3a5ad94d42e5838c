"""Errors of use cases to gRPC status, once for all methods."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from help_core.errors import HelpError
from help_proto.errors import ERROR_METADATA_KEY, status_of

log = logging.getLogger(__name__)


@asynccontextmanager
async def errors_to_status(context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[None]:
    """Aborts the call with the status of an error of ours; a defect becomes ``INTERNAL``.

    If the caller has gone there is nobody to tell: the call ends as a cancelled one.
    """
    try:
        yield
    except HelpError as error:
        await _abort(context, status_of(error), str(error), type(error).__name__)
    except grpc.aio.AbortError:
        raise
    except grpc.aio.InternalError as error:
        raise _gone(error) from None
    except NotImplementedError:
        code = grpc.StatusCode.UNIMPLEMENTED
        await _abort(context, code, "this coordinator has no such method; upgrade it")
    except Exception:
        # The details of a defect belong into our log, not on somebody else's screen.
        log.exception("defect while serving a call")
        code = grpc.StatusCode.INTERNAL
        await _abort(context, code, "internal error; see the coordinator's log")


async def _abort(
    context: grpc.aio.ServicerContext[Any, Any], code: grpc.StatusCode, details: str, name: str = ""
) -> None:
    metadata = ((ERROR_METADATA_KEY, name),) if name else ()
    try:
        await context.abort(code, details, metadata)
    except grpc.aio.InternalError as error:
        raise _gone(error) from None


def _gone(error: grpc.aio.InternalError) -> asyncio.CancelledError:
    # A send that the core refuses: the caller's deadline passed, or its connection broke. Its
    # cancellation may reach us later than that. An AbortError of our own would not do, as gRPC
    # insists on the one that it made when abort was called.
    log.debug("the caller has gone: %s", error)
    return asyncio.CancelledError("the caller has gone")
