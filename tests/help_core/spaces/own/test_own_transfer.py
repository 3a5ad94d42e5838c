"""Chunks put together again are the bytes that were sent, or an error."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from help_core.errors import BadInput
from help_core.spaces.own.transfer import Chunk, Manifest, Reassembler, chunks, describe


@given(st.binary(min_size=1, max_size=400), st.integers(1, 64), st.randoms())
@settings(max_examples=200, deadline=None)
def test_any_order_with_repeats_gives_the_same_bytes(
    data: bytes, size: int, order: random.Random
) -> None:
    pieces = list(chunks(data, size))
    manifest = describe(data, size)
    assert len(pieces) == manifest.count
    again = pieces + order.sample(pieces, len(pieces) // 2)
    order.shuffle(again)
    receiver = Reassembler(manifest)
    for piece in again:
        receiver.add(piece)
    assert receiver.finish() == data


def test_a_broken_stream_goes_on_from_what_is_missing() -> None:
    data = bytes(range(200))
    receiver = Reassembler(describe(data, 64))
    for piece in list(chunks(data, 64))[:2]:
        receiver.add(piece)
    with pytest.raises(BadInput, match="2 of 4 chunks are missing, the first is 2"):
        receiver.finish()
    assert list(receiver.missing()) == [2, 3]
    for piece in chunks(data, 64, first=2):
        receiver.add(piece)
    assert receiver.finish() == data


def test_other_bytes_than_announced_are_refused_and_forgotten() -> None:
    data = bytes(100)
    receiver = Reassembler(describe(data, 40))
    pieces = list(chunks(b"\1" + data[1:], 40))
    for piece in pieces:
        receiver.add(piece)
    with pytest.raises(BadInput, match="was announced; send them again"):
        receiver.finish()
    for piece in chunks(data, 40):
        receiver.add(piece)
    assert receiver.finish() == data


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (Chunk(3, b"x" * 20), "chunk 3 does not exist; there are 3"),
        (Chunk(-1, b"x" * 40), "chunk -1 does not exist"),
        (Chunk(0, b"x" * 39), "chunk 0 has 39 bytes; 40 were announced"),
        (Chunk(2, b"x" * 40), "chunk 2 has 40 bytes; 20 were announced"),
        (Chunk(1, b"x" * 40), "chunk 1 arrived twice with different bytes"),
    ],
)
def test_a_chunk_that_does_not_fit_is_refused(chunk: Chunk, message: str) -> None:
    receiver = Reassembler(describe(bytes(100), 40))
    receiver.add(Chunk(1, bytes(40)))
    with pytest.raises(BadInput, match=message):
        receiver.add(chunk)


@pytest.mark.parametrize(
    ("sha256", "size", "chunk", "message"),
    [
        ("A" * 64, 10, 4, "is not a SHA-256"),
        ("a" * 63, 10, 4, "is not a SHA-256"),
        ("a" * 64, 0, 4, "size 0"),
        ("a" * 64, 1 << 31, 4, "size 2147483648"),
        ("a" * 64, 10, 0, "chunk size 0"),
        ("a" * 64, 10, 1 << 30, "chunk size 1073741824"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    sha256: str, size: int, chunk: int, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        Manifest(sha256, size, chunk)


def test_more_bytes_than_the_receiver_accepts_are_refused_before_any_arrives() -> None:
    with pytest.raises(BadInput, match="at most 99 are accepted"):
        Reassembler(describe(bytes(100), 40), limit_bytes=99)
