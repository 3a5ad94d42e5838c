"""Files to take away: an answer as JSON, an architecture as ONNX."""

from __future__ import annotations

import asyncio
import io
import json
import re
import zipfile
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from coordinator.store import SqlStore
from coordinator.web.parts import WebParts
from help_core.errors import Conflict
from help_core.records import check_run_id
from help_core.spaces import get_space, parse_architecture
from help_core.spaces.base import Architecture, BuildOptions
from help_core.spaces.own import stored

MAX_AT_ONCE = 2
"""Building takes a core and, for a large network, a few hundred MB."""


def downloads_router(parts: WebParts) -> APIRouter:
    """The routes of files."""
    router, turns = APIRouter(include_in_schema=False), asyncio.Semaphore(MAX_AT_ONCE)

    @router.get("/answers/{run_id}/answer.json")
    async def answer(run_id: str) -> Response:
        check_run_id(run_id)
        run = await asyncio.to_thread(parts.store.runs.get, run_id)
        found = await asyncio.to_thread(parts.store.runs.answer, run_id)
        if found is None:
            raise Conflict(f"the request to adapt to {run.order.device} has no answer yet")
        content = json.dumps(asdict(found), indent=2).encode()
        return attachment(content, f"{run.order.device}-{run_id}.json", "application/json")

    @router.get("/onnx")
    async def onnx(architecture: Annotated[str, Query(max_length=2000)]) -> Response:
        async with turns:
            content, name = await asyncio.to_thread(onnx_file, parts.store, architecture)
        kind = "application/zip" if name.endswith(".zip") else "application/octet-stream"
        return attachment(content, name, kind)

    return router


def onnx_file(store: SqlStore, text: str) -> tuple[bytes, str]:
    """The model of an architecture, or a zip of its stages; raises ``BadInput``, ``NotFound``."""
    architecture = parse_architecture(text)
    base = re.sub(r"[^A-Za-z0-9.-]+", "_", str(architecture)).strip("_")[:100]
    if architecture.space == stored.NAME:
        return _stored_file(store, architecture), f"{base}.onnx"
    stages = get_space(architecture.space).build(architecture, BuildOptions())
    if len(stages) == 1:
        return stages[0].model.SerializeToString(), f"{base}.onnx"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for stage in stages:
            archive.writestr(f"{stage.name}.onnx", stage.model.SerializeToString())
    return packed.getvalue(), f"{base}.zip"


def _stored_file(store: SqlStore, architecture: Architecture) -> bytes:
    manifest = store.content(stored.digest_of(architecture))
    return b"".join(store.chunk(manifest.sha256, index) for index in range(manifest.count))


def attachment(content: bytes, name: str, kind: str) -> Response:
    """A response that a browser keeps as a file; ``name`` is plain ASCII."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
