"""A caller that goes while it is answered leaves no trace of a defect."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from coordinator.servicers.errors import errors_to_status
from help_core.errors import BadInput

Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[bytes, Context], Awaitable[bytes]]
DEADLINE_S = 0.2


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[str]:
    """A server with one method; the address where it listens."""

    async def call(request: bytes, context: Context) -> bytes:
        async with errors_to_status(context):
            return await behaviour(request, context)

    handler: Any = grpc.unary_unary_rpc_method_handler(call)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t", {"m": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(1.0)


def call(address: str, deadline_s: float) -> grpc.StatusCode:
    with grpc.insecure_channel(address) as channel:
        method: Any = channel.unary_unary("/t/m")
        try:
            method(b"", timeout=deadline_s)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


async def _refuse(request: bytes, context: Context) -> bytes:
    raise BadInput("no")


async def _abort_itself(request: bytes, context: Context) -> bytes:
    await context.abort(grpc.StatusCode.NOT_FOUND)


async def _break(request: bytes, context: Context) -> bytes:
    raise ValueError("a defect")


def _late(behaviour: Behaviour) -> Behaviour:
    async def call(request: bytes, context: Context) -> bytes:
        # The loop stands still, so that the call's end is known to gRPC's core alone.
        time.sleep(3 * DEADLINE_S)
        return await behaviour(request, context)

    return call


async def _called(behaviour: Behaviour, deadline_s: float) -> grpc.StatusCode:
    async with serving(behaviour) as address:
        code = await asyncio.to_thread(call, address, deadline_s)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        handling = [task for task in others if "HandleExceptions" in task.get_name()]
        await asyncio.gather(*handling)
    return code


@pytest.mark.parametrize("behaviour", [_refuse, _abort_itself])
def test_an_error_for_a_caller_that_has_gone_is_no_defect(
    behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    code = asyncio.run(_called(_late(behaviour), DEADLINE_S))
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_caller_that_waits_is_told_the_error() -> None:
    assert asyncio.run(_called(_refuse, 10)) is grpc.StatusCode.INVALID_ARGUMENT
    assert asyncio.run(_called(_abort_itself, 10)) is grpc.StatusCode.NOT_FOUND


def test_a_defect_is_logged_and_told_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    assert asyncio.run(_called(_break, 10)) is grpc.StatusCode.INTERNAL
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "defect while serving" in record.message
