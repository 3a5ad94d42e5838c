"""Models over real gRPC: offered, uploaded, resumed, verified, fetched."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from agent.link import Link
from coordinator.client import Client
from coordinator.model_calls import describe_model
from coordinator.server import ServerOptions, running
from coordinator.store import open_store
from help_core.errors import BadInput, Cancelled, Conflict, HelpError, NotFound
from help_core.records import StoredModel
from help_core.spaces.own.transfer import Chunk, Manifest, Reassembler, chunks
from help_proto.convert_model import to_chunk, to_model
from help_proto.errors import from_rpc
from help_proto.v1 import model_service_pb2 as pb
from help_proto.v1 import model_service_pb2_grpc as rpc

QUOTA = 50_000
CHUNK = 100
DATA = hashlib.sha256(b"seed").digest() * 40


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A coordinator in a thread of this process with room for 50 kB of models."""
    store = open_store(str(tmp_path / "store.db"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = running("127.0.0.1:0", store, ServerOptions(model_quota_bytes=QUOTA))
    yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result().users
    asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    store.close()


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as connected:
        yield connected


def add(client: Client, name: str, data: bytes, *, replace: bool = False) -> list[int]:
    """Adds a model; the chunks that travelled."""
    sent: list[int] = []
    client.models.add(
        describe_model(name, data, 7, 9),
        data,
        replace=replace,
        chunk_bytes=CHUNK,
        on_chunk=lambda done, _total: sent.append(done - 1),
    )
    return sent


def fetch(address: str, digest: str, first: int = 0) -> list[Manifest | Chunk]:
    link = Link(address, "a" * 32)
    try:
        return list(link.fetch_model(digest, first))
    finally:
        link.close()


def upload(
    address: str, model: StoredModel, *parts: pb.ModelChunk, offer: bool = True
) -> HelpError | None:
    """Streams an upload as written, and returns the error that it ends with."""
    begin = pb.ModelOffer(model=to_model(model), chunk_bytes=CHUNK)
    requests = [pb.UploadModelRequest(offer=begin)] if offer else []
    requests += [pb.UploadModelRequest(chunk=part) for part in parts]
    with grpc.insecure_channel(address) as channel:
        try:
            rpc.ModelServiceStub(channel).UploadModel(iter(requests), timeout=10)
        except grpc.RpcError as error:
            return from_rpc(error, address)
    return None


def test_what_an_agent_fetches_is_what_a_user_added(client: Client, address: str) -> None:
    assert add(client, "net", DATA) == list(range(13))
    (model,) = client.models.list()
    assert model == describe_model("net", DATA, 7, 9)
    assert model.architecture == f"own:net@{hashlib.sha256(DATA).hexdigest()[:16]}"
    manifest, *parts = fetch(address, model.digest)
    assert isinstance(manifest, Manifest)
    received = Reassembler(manifest)
    for part in parts:
        assert isinstance(part, Chunk)
        received.add(part)
    assert received.finish() == DATA


def test_bytes_that_are_there_do_not_travel_again(client: Client) -> None:
    add(client, "net", DATA)
    assert add(client, "net", DATA) == []
    assert add(client, "other-name", DATA) == []
    assert [model.name for model in client.models.list()] == ["net", "other-name"]


def test_a_broken_upload_goes_on_with_what_is_missing(client: Client, address: str) -> None:
    begin = [to_chunk(chunk) for chunk in chunks(DATA, CHUNK)][:5]
    error = upload(address, describe_model("net", DATA, 7, 9), *begin)
    assert isinstance(error, BadInput)
    assert "ended before chunk 5 of 13" in str(error)
    assert client.models.list() == []
    assert add(client, "net", DATA) == list(range(5, 13))


def test_a_fetch_begins_where_it_is_asked_to(client: Client, address: str) -> None:
    add(client, "net", DATA)
    digest = client.models.list()[0].digest
    assert [part.index for part in fetch(address, digest, 11) if isinstance(part, Chunk)] == [
        11,
        12,
    ]
    assert len(fetch(address, digest, 99)) == 1


def test_damaged_bytes_are_refused_and_can_be_sent_again(client: Client, address: str) -> None:
    pieces = [to_chunk(chunk) for chunk in chunks(DATA, CHUNK)]
    pieces[3].data = bytes(CHUNK)
    error = upload(address, describe_model("net", DATA, 7, 9), *pieces)
    assert isinstance(error, BadInput)
    assert "was announced; send it again" in str(error)
    assert client.models.list() == []
    assert add(client, "net", DATA) == list(range(13))


def test_an_upload_that_breaks_the_rules_is_refused(address: str) -> None:
    model = describe_model("net", DATA, 7, 9)
    short = pb.ModelChunk(index=0, data=b"short")
    beyond = pb.ModelChunk(index=99, data=bytes(CHUNK))
    for error, words in (
        (upload(address, model, short), "chunk 0 has 5 bytes; 100 were announced"),
        (upload(address, model, beyond), "chunk 99 does not exist"),
        (upload(address, model, short, offer=False), "begins with an offer"),
        (upload(address, model, offer=False), "begins with an offer"),
    ):
        assert isinstance(error, BadInput)
        assert words in str(error)


@pytest.mark.parametrize(
    ("message", "chunk_bytes", "words"),
    [
        (pb.StoredModel(name="../x", sha256="a" * 64, size_bytes=9), CHUNK, "model name '../x'"),
        (pb.StoredModel(name="a@b", sha256="a" * 64, size_bytes=9), CHUNK, "not contain '@'"),
        (pb.StoredModel(name="x", sha256="A" * 64, size_bytes=9), CHUNK, "not a SHA-256"),
        (pb.StoredModel(name="x", sha256="a" * 64, size_bytes=0), CHUNK, "below zero or out of"),
        (pb.StoredModel(name="x", sha256="a" * 64, size_bytes=2 << 30), 1 << 20, "at most 1074 MB"),
        (pb.StoredModel(name="x", sha256="a" * 64, size_bytes=9000), 1, "at most 4096 chunks"),
        (pb.StoredModel(name="x", sha256="a" * 64, size_bytes=9), 1 << 23, "of 2097152 bytes"),
        (pb.StoredModel(name="x", sha256="a" * 64, size_bytes=9), 0, "chunk size 0"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused(
    address: str, message: pb.StoredModel, chunk_bytes: int, words: str
) -> None:
    request = pb.OfferModelRequest(offer=pb.ModelOffer(model=message, chunk_bytes=chunk_bytes))
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        rpc.ModelServiceStub(channel).OfferModel(request, timeout=10)
    error = from_rpc(caught.value, address)
    assert isinstance(error, BadInput)
    assert words in str(error)


def test_a_stopping_agent_ends_its_fetch(client: Client, address: str) -> None:
    add(client, "net", bytes(40_000))
    link = Link(address, "a" * 32)
    parts = link.fetch_model(client.models.list()[0].digest, 0)
    next(parts)
    link.stop_waiting()
    with pytest.raises(Cancelled):
        list(parts)
    link.close()


def test_a_name_is_refused_before_its_bytes_travel(client: Client) -> None:
    add(client, "net", DATA)
    with pytest.raises(Conflict, match="--replace"):
        add(client, "net", DATA[1:])
    old = client.models.list()[0].architecture
    assert len(add(client, "net", DATA[1:], replace=True)) == 13
    (model,) = client.models.list()
    assert model.architecture != old


def test_a_full_store_says_how_full_and_takes_more_after_a_removal(client: Client) -> None:
    add(client, "large", bytes(45_000))
    with pytest.raises(Conflict, match=r"keeps 0\.045 MB .* may keep 0\.05 MB; 0\.006 MB more"):
        add(client, "small", bytes(6_000))
    client.models.remove("large")
    add(client, "small", bytes(6_000))


def test_a_model_that_is_not_there_is_named(client: Client, address: str) -> None:
    with pytest.raises(NotFound, match="no model 'net'; it keeps: none yet"):
        client.models.remove("net")
    with pytest.raises(NotFound, match="removed or replaced"):
        fetch(address, "0" * 16)
    with pytest.raises(BadInput, match="hexadecimal"):
        fetch(address, "%" * 16)
