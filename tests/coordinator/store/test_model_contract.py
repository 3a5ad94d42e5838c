"""The storage contract of users' models."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command

from coordinator.store import Store, open_store
from coordinator.store.engine import make_engine
from coordinator.store.migrate import alembic_config
from coordinator.store.queries.models import ABANDONED_AFTER_S
from help_core.errors import BadInput, Conflict, NotFound
from help_core.records import StoredModel
from help_core.spaces.own.transfer import Chunk, Manifest, chunks, describe

FIRST, SECOND = bytes(range(250)), b"other" * 40
QUOTA = 1000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "store.db"))
    yield opened
    opened.close()


def _model(name: str, data: bytes) -> StoredModel:
    return StoredModel(name, hashlib.sha256(data).hexdigest(), len(data), 7, None)


def _put(store: Store, data: bytes, first: int = 0, size: int = 100) -> Manifest:
    manifest = describe(data, size)
    store.offer_content(manifest, QUOTA, 0.0)
    for chunk in chunks(data, size, first):
        store.put_chunk(manifest.sha256, chunk, 0.0)
    return manifest


def _keep(store: Store, name: str, data: bytes, *, replace: bool = False) -> Manifest:
    manifest = _put(store, data)
    store.complete_content(manifest.sha256)
    store.name_model(_model(name, data), replace=replace)
    return manifest


def _bytes(store: Store, manifest: Manifest) -> bytes:
    return b"".join(store.chunk(manifest.sha256, index) for index in range(manifest.count))


def test_a_model_comes_out_as_it_went_in(store: Store) -> None:
    manifest = _keep(store, "net", FIRST)
    assert store.models() == [_model("net", FIRST)]
    assert store.content(manifest.sha256[:16]) == manifest
    assert _bytes(store, manifest) == FIRST


def test_an_offer_names_the_first_chunk_that_is_missing(store: Store) -> None:
    manifest = describe(FIRST, 100)
    assert store.offer_content(manifest, QUOTA, 0.0) == 0
    store.put_chunk(manifest.sha256, Chunk(0, FIRST[:100]), 0.0)
    store.put_chunk(manifest.sha256, Chunk(2, FIRST[200:]), 0.0)
    assert store.offer_content(manifest, QUOTA, 0.0) == 1
    with pytest.raises(Conflict, match="try again"):
        store.complete_content(manifest.sha256)
    with pytest.raises(NotFound, match="keeps no model with hash"):
        store.content(manifest.sha256[:16])
    store.put_chunk(manifest.sha256, Chunk(1, FIRST[100:200]), 0.0)
    assert store.offer_content(manifest, QUOTA, 0.0) == manifest.count == 3


def test_another_size_of_chunks_begins_anew(store: Store) -> None:
    _put(store, FIRST)
    assert store.offer_content(describe(FIRST, 50), QUOTA, 0.0) == 0
    assert _bytes(store, _put(store, FIRST, size=50)) == FIRST


@pytest.mark.parametrize(
    ("index", "data", "message"),
    [(0, b"short", "chunk 0 has 5 bytes; 100"), (3, bytes(100), "chunk 3 does not exist")],
)
def test_a_chunk_that_does_not_fit_is_refused(
    store: Store, index: int, data: bytes, message: str
) -> None:
    manifest = describe(FIRST, 100)
    with pytest.raises(NotFound, match="offer the model first"):
        store.put_chunk(manifest.sha256, Chunk(index, data), 0.0)
    store.offer_content(manifest, QUOTA, 0.0)
    with pytest.raises(BadInput, match=message):
        store.put_chunk(manifest.sha256, Chunk(index, data), 0.0)


def test_a_chunk_that_is_there_is_left_as_it_is(store: Store) -> None:
    manifest = _keep(store, "net", FIRST)
    store.put_chunk(manifest.sha256, Chunk(0, bytes(100)), 0.0)
    other = _put(store, SECOND)
    store.put_chunk(other.sha256, Chunk(0, bytes(100)), 0.0)
    assert (_bytes(store, manifest), _bytes(store, other)) == (FIRST, SECOND)


def test_a_taken_name_keeps_its_content_unless_it_is_replaced(store: Store) -> None:
    old = _keep(store, "net", FIRST)
    with pytest.raises(Conflict, match=f"'net' is there with other .*{old.sha256[:16]}.*--replace"):
        _keep(store, "net", SECOND)
    new = _keep(store, "net", SECOND, replace=True)
    assert store.models() == [_model("net", SECOND)]
    assert _bytes(store, new) == SECOND
    with pytest.raises(NotFound, match="removed or replaced"):
        store.content(old.sha256[:16])
    with pytest.raises(NotFound, match="no longer holds"):
        store.chunk(old.sha256, 0)


def test_content_goes_with_the_last_of_its_names(store: Store) -> None:
    manifest = _keep(store, "one", FIRST)
    store.name_model(_model("two", FIRST), replace=False)
    store.remove_model("one")
    assert _bytes(store, manifest) == FIRST
    store.remove_model("two")
    assert store.models() == []
    with pytest.raises(NotFound):
        store.content(manifest.sha256[:16])
    with pytest.raises(NotFound, match="no model 'two'; it keeps: none yet"):
        store.remove_model("two")


def test_a_name_is_given_only_to_content_that_is_complete(store: Store) -> None:
    _put(store, FIRST)
    with pytest.raises(Conflict, match="removed meanwhile"):
        store.name_model(_model("net", FIRST), replace=False)


def test_all_content_together_stays_within_the_quota(store: Store) -> None:
    _keep(store, "one", FIRST)
    with pytest.raises(Conflict, match=r"may keep 0\.0004 MB; 0\.0002 MB more do not fit"):
        store.offer_content(describe(SECOND, 100), 400, 0.0)
    assert (
        store.offer_content(describe(FIRST, 100), 400, 0.0) == 3
    )  # There already: no room needed.
    store.remove_model("one")
    assert store.offer_content(describe(SECOND, 100), 400, 0.0) == 0


def test_an_abandoned_upload_frees_its_room_after_a_day(store: Store) -> None:
    _keep(store, "kept", b"kept")
    _put(store, FIRST)
    with pytest.raises(Conflict, match="do not fit"):
        store.offer_content(describe(SECOND, 100), 300, ABANDONED_AFTER_S)
    assert store.offer_content(describe(SECOND, 100), 300, ABANDONED_AFTER_S + 1) == 0
    assert store.models() == [_model("kept", b"kept")]


def test_a_forgotten_upload_begins_anew_and_a_complete_one_stays(store: Store) -> None:
    kept, dropped = _keep(store, "kept", FIRST), _put(store, SECOND)
    for manifest in (kept, dropped):
        store.forget_upload(manifest.sha256)
    assert _bytes(store, kept) == FIRST
    assert store.offer_content(dropped, QUOTA, 0.0) == 0


def test_a_hash_that_begins_like_another_is_refused(store: Store) -> None:
    manifest = _keep(store, "net", FIRST)
    twin = Manifest(manifest.sha256[:-1] + "01"[manifest.sha256[-1] == "0"], 100, 100)
    with pytest.raises(Conflict, match="begins with"):
        store.offer_content(twin, QUOTA, 0.0)


def test_many_uploads_of_the_same_bytes_are_one(store: Store) -> None:
    errors: list[Exception] = []

    def upload() -> None:
        try:
            _put(store, FIRST, size=10)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=upload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert _bytes(store, describe(FIRST, 10)) == FIRST


def test_the_schema_goes_back_without_models_and_forth_again(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    first = open_store(path)
    _keep(first, "net", FIRST)
    first.close()
    engine = make_engine(path)
    with engine.connect() as connection, connection.begin():
        command.downgrade(alembic_config(connection), "0001")
    engine.dispose()
    again = open_store(path)
    assert again.models() == []
    _keep(again, "net", FIRST)
    again.close()
