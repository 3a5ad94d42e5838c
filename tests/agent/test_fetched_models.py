"""Models on the agent: fetched whole or not at all, kept within bounds, never trusted."""

from __future__ import annotations

import hashlib
import os
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped, unused-ignore]
import pytest

from agent.backoff import Backoff
from agent.models import TRIES, CachedModels, ModelCache, ModelFetcher
from help_core.errors import BadInput, NotFound, StoreError, Unreachable
from help_core.graphs.inputs import random_inputs
from help_core.spaces import Architecture, BuildOptions, parse_architecture
from help_core.spaces.own import Limits
from help_core.spaces.own.transfer import Chunk, Manifest, chunks, describe
from tests.help_core.spaces.own.own_models import CONVOLUTIONAL, HEADER, model

CHUNK = 64
NET = model(CONVOLUTIONAL).SerializeToString()


class FakeCoordinator:
    """Holds one model and breaks its streams as told."""

    def __init__(self, data: bytes, breaks: tuple[int, ...] = ()) -> None:
        self.manifest = describe(data, CHUNK)
        self.chunks = list(chunks(data, CHUNK))
        self.breaks = list(breaks)
        self.asked: list[int] = []

    def fetch_model(self, digest: str, first_chunk: int) -> Iterator[Manifest | Chunk]:
        self.asked.append(first_chunk)
        yield self.manifest
        left = self.breaks.pop(0) if self.breaks else None
        for sent, chunk in enumerate(self.chunks[first_chunk:]):
            if sent == left:
                raise Unreachable("the line broke")
            yield chunk


def named(data: bytes) -> Architecture:
    return parse_architecture(f"own:net@{hashlib.sha256(data).hexdigest()[:16]}")


def fetcher(source: FakeCoordinator, cache: ModelCache) -> ModelFetcher:
    backoff = Backoff(random.Random(0), first_s=0.001, most_s=0.001)
    return ModelFetcher(source, cache, threading.Event(), backoff)


def test_a_model_is_fetched_once_and_built_at_the_batch_size(tmp_path: Path) -> None:
    cache, source = ModelCache(tmp_path), FakeCoordinator(NET)
    for _ in range(2):
        fetcher(source, cache).fetch(named(NET))
    assert source.asked == [0]
    (stage,) = CachedModels(cache).build(named(NET), BuildOptions(batch_size=3))
    session = onnxruntime.InferenceSession(stage.model.SerializeToString())
    (scores,) = session.run(None, random_inputs(stage.model, np.random.default_rng(0)))
    assert scores.shape == (3, 5)


def test_architectures_of_other_spaces_need_no_model(tmp_path: Path) -> None:
    source = FakeCoordinator(NET)
    fetcher(source, ModelCache(tmp_path)).fetch(Architecture("fbnet", "x"))
    assert source.asked == []


def test_a_broken_stream_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    cache, source = ModelCache(tmp_path), FakeCoordinator(NET, breaks=(4, 2))
    fetcher(source, cache).fetch(named(NET))
    assert source.asked == [0, 4, 6]
    assert cache.find(named(NET).text.partition("@")[2]) is not None


def test_a_line_that_stays_broken_is_given_up_without_a_trace(tmp_path: Path) -> None:
    cache, source = ModelCache(tmp_path), FakeCoordinator(NET, breaks=(1,) * TRIES)
    with pytest.raises(Unreachable, match="the line broke"):
        fetcher(source, cache).fetch(named(NET))
    assert list(tmp_path.iterdir()) == []


def test_bytes_of_another_model_are_never_kept(tmp_path: Path) -> None:
    cache = ModelCache(tmp_path)
    damaged = FakeCoordinator(NET)
    damaged.chunks[2] = Chunk(2, bytes(CHUNK))
    with pytest.raises(BadInput, match="was announced"):
        fetcher(damaged, cache).fetch(named(NET))
    swapped = FakeCoordinator(NET[::-1])
    with pytest.raises(BadInput, match="was asked for"):
        fetcher(swapped, cache).fetch(named(NET))
    short = FakeCoordinator(NET)
    del short.chunks[-1]
    with pytest.raises(BadInput, match="are missing"):
        fetcher(short, cache).fetch(named(NET))
    huge = FakeCoordinator(NET)
    huge.manifest = replace(huge.manifest, size_bytes=(2 << 30) - 1)
    with pytest.raises(BadInput, match="at most"):
        fetcher(huge, cache).fetch(named(NET))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_damaged_on_disk_is_fetched_again(tmp_path: Path) -> None:
    cache, source = ModelCache(tmp_path), FakeCoordinator(NET)
    fetcher(source, cache).fetch(named(NET))
    (file,) = tmp_path.glob("*/model.onnx")
    file.write_bytes(NET[:-1])
    with pytest.raises(BadInput, match="is not on this agent"):
        CachedModels(cache).build(named(NET), BuildOptions())
    fetcher(source, cache).fetch(named(NET))
    assert source.asked == [0, 0]
    assert file.read_bytes() == NET


def test_the_least_recently_used_models_make_room(tmp_path: Path) -> None:
    cache = ModelCache(tmp_path, limit_bytes=300)
    held = [bytes([index]) * 100 for index in range(4)]
    digests = [hashlib.sha256(data).hexdigest() for data in held]
    for age, (data, digest) in enumerate(zip(held[:3], digests, strict=False)):
        cache.put(digest, data)
        os.utime(tmp_path / digest / "model.onnx", (age, age))
    assert cache.find(digests[0]) is not None  # Used now, so the second is the oldest.
    cache.put(digests[3], held[3])
    assert [cache.find(digest) is not None for digest in digests] == [True, False, True, True]
    with pytest.raises(BadInput, match="keeps at most 300"):
        cache.put("f" * 64, bytes(301))


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("no folder")
    with pytest.raises(StoreError, match="--state-dir"):
        ModelCache(blocker / "models").put("a" * 64, b"data")


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"no model at all", BuildOptions(), "not an ONNX model"),
        (NET, BuildOptions(precision="int8"), "is measured as it is; convert it to int8"),
        (
            model(CONVOLUTIONAL.replace("batch", "1")).SerializeToString(),
            BuildOptions(batch_size=4),
            "cannot be built for batch size 4",
        ),
        (
            model(
                f"{HEADER} g (float[2] x) => (float[2] y) {{ y = acme.Fancy(x) }}"
            ).SerializeToString(),
            BuildOptions(),
            "'acme'",
        ),
    ],
)
def test_what_a_coordinator_hands_out_is_checked_all_the_same(
    tmp_path: Path, data: bytes, options: BuildOptions, message: str
) -> None:
    cache = ModelCache(tmp_path)
    fetcher(FakeCoordinator(data), cache).fetch(named(data))
    space = CachedModels(cache, Limits(seconds=20))
    with pytest.raises(BadInput, match=message) as caught:
        space.build(named(data), options)
    assert str(caught.value).startswith("own:net@")
    assert str(tmp_path) not in str(caught.value)


def test_a_model_that_is_gone_says_so(tmp_path: Path) -> None:
    class Empty(FakeCoordinator):
        def fetch_model(self, digest: str, first_chunk: int) -> Iterator[Manifest | Chunk]:
            raise NotFound("removed")

    with pytest.raises(NotFound, match="removed"):
        fetcher(Empty(NET), ModelCache(tmp_path)).fetch(named(NET))
