"""Errors of use cases to gRPC status, once for all methods."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from help_proto.errors import ERROR_METADATA_KEY, status_of

from help_core.errors import HelpError

log = logging.getLogger(__name__)


@asynccontextmanager
async def errors_to_status(context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[None]:
    """Aborts the call with the status of an error of ours; a defect becomes ``INTERNAL``."""
    try:
        yield
    except HelpError as error:
        metadata = ((ERROR_METADATA_KEY, type(error).__name__),)
        await context.abort(status_of(error), str(error), metadata)
    except grpc.aio.AbortError:
        raise
    except NotImplementedError:
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED, "this coordinator has no such method; upgrade it"
        )
    except Exception:
        # The details of a defect belong into our log, not on somebody else's screen.
        log.exception("defect while serving a call")
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the coordinator's log")
