"""Users' models: names, and the bytes behind them in chunks, known by their hash."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from coordinator.store.tables import content_chunks, contents, models
from help_core.errors import BadInput, Conflict, NotFound
from help_core.records import StoredModel
from help_core.records.model import DIGEST_CHARS
from help_core.spaces.own.transfer import Chunk, Manifest

ABANDONED_AFTER_S = 24 * 3600.0
"""An upload that did not go on for so long is forgotten."""


def offer(connection: sa.Connection, manifest: Manifest, quota_bytes: int, now_s: float) -> int:
    """See ``Store.offer_content``."""
    _forget_abandoned(connection, now_s)
    held = connection.execute(
        sa.select(contents).where(contents.c.sha256 == manifest.sha256)
    ).first()
    if held is not None and held.complete:
        return manifest.count
    if held is not None and _manifest(held) != manifest:
        _delete(connection, manifest.sha256)
        held = None
    if held is None:
        _check_room(connection, manifest, quota_bytes)
        _check_digest(connection, manifest.sha256)
        values = {"sha256": manifest.sha256, "size_bytes": manifest.size_bytes}
        values |= {"chunk_bytes": manifest.chunk_bytes, "complete": False, "touched_s": now_s}
        _insert_once(connection, contents, values)
        return 0
    _touch(connection, manifest.sha256, now_s)
    numbers = sa.select(content_chunks.c.number).where(content_chunks.c.sha256 == manifest.sha256)
    there = set(connection.execute(numbers).scalars())
    return next(number for number in range(manifest.count + 1) if number not in there)


def _check_room(connection: sa.Connection, manifest: Manifest, quota_bytes: int) -> None:
    used = connection.execute(sa.select(sa.func.sum(contents.c.size_bytes))).scalar() or 0
    if used + manifest.size_bytes > quota_bytes:
        raise Conflict(
            f"the coordinator keeps {int(used) / 1e6:.4g} MB of models and may keep"
            f" {quota_bytes / 1e6:.4g} MB; {manifest.size_bytes / 1e6:.4g} MB more do not fit:"
            " remove some with 'help-coord models remove'"
        )


def _check_digest(connection: sa.Connection, sha256: str) -> None:
    """Architecture strings carry only the beginning of a hash, so it must be unique too."""
    same = contents.c.sha256.startswith(sha256[:DIGEST_CHARS])
    if connection.execute(sa.select(contents.c.sha256).where(same)).first() is not None:
        raise Conflict(f"another model has a hash that begins with {sha256[:DIGEST_CHARS]} too")


def _insert_once(connection: sa.Connection, table: sa.Table, values: dict[str, object]) -> None:
    """Inserts a row, or leaves the one that another upload of the same bytes made meanwhile."""
    try:
        with connection.begin_nested():
            connection.execute(table.insert().values(values))
    except IntegrityError:
        return


def put_chunk(connection: sa.Connection, sha256: str, chunk: Chunk, now_s: float) -> None:
    """See ``Store.put_chunk``."""
    held = connection.execute(sa.select(contents).where(contents.c.sha256 == sha256)).first()
    if held is None:
        raise NotFound(f"no upload of {sha256[:DIGEST_CHARS]} is under way; offer the model first")
    if held.complete:
        return
    expected = _manifest(held).length(chunk.index)
    if len(chunk.data) != expected:
        raise BadInput(
            f"chunk {chunk.index} has {len(chunk.data)} bytes; {expected} were announced"
        )
    values = {"sha256": sha256, "number": chunk.index, "data": chunk.data}
    _insert_once(connection, content_chunks, values)
    _touch(connection, sha256, now_s)


def get_chunk(connection: sa.Connection, sha256: str, index: int) -> bytes:
    """See ``Store.chunk``."""
    query = sa.select(content_chunks.c.data).where(
        content_chunks.c.sha256 == sha256, content_chunks.c.number == index
    )
    data = connection.execute(query).scalar()
    if data is None:
        raise NotFound(f"the coordinator no longer holds model {sha256[:DIGEST_CHARS]}")
    return bytes(data)


def complete(connection: sa.Connection, sha256: str) -> None:
    """See ``Store.complete_content``."""
    held = connection.execute(sa.select(contents).where(contents.c.sha256 == sha256)).first()
    query = sa.select(sa.func.count()).where(content_chunks.c.sha256 == sha256)
    count = connection.execute(query).scalar_one()
    if held is None or count != _manifest(held).count:
        raise Conflict(f"the upload of {sha256[:DIGEST_CHARS]} was given up meanwhile; try again")
    connection.execute(contents.update().where(contents.c.sha256 == sha256).values(complete=True))


def forget(connection: sa.Connection, sha256: str) -> None:
    """See ``Store.forget_upload``."""
    query = sa.select(contents.c.complete).where(contents.c.sha256 == sha256)
    if connection.execute(query).scalar() is False:
        _delete(connection, sha256)


def set_name(connection: sa.Connection, model: StoredModel, *, replace: bool) -> None:
    """See ``Store.name_model``."""
    check_free(connection, model, replace=replace)
    complete_there = sa.select(contents.c.sha256).where(
        contents.c.sha256 == model.sha256, contents.c.complete
    )
    if connection.execute(complete_there).first() is None:
        raise Conflict(f"the content of model {model.name!r} was removed meanwhile; try again")
    values = {"sha256": model.sha256, "parameters": model.parameters}
    values |= {"multiply_adds": model.multiply_adds}
    old = connection.execute(sa.select(models.c.sha256).where(models.c.name == model.name)).scalar()
    if old is None:
        connection.execute(models.insert().values(name=model.name, **values))
        return
    connection.execute(models.update().where(models.c.name == model.name).values(values))
    _delete_unnamed(connection, old)


def check_free(connection: sa.Connection, model: StoredModel, *, replace: bool) -> None:
    """See ``Store.check_name_free``."""
    query = sa.select(models.c.sha256).where(models.c.name == model.name)
    old = connection.execute(query).scalar()
    if old not in (None, model.sha256) and not replace:
        raise Conflict(
            f"model {model.name!r} is there with other content (own:{model.name}"
            f"@{old[:DIGEST_CHARS]}); choose another name, or --replace it"
        )


def remove(connection: sa.Connection, name: str) -> None:
    """See ``Store.remove_model``."""
    old = connection.execute(sa.select(models.c.sha256).where(models.c.name == name)).scalar()
    if old is None:
        names = connection.execute(sa.select(models.c.name).order_by(models.c.name)).scalars()
        known = ", ".join(list(names)[:20]) or "none yet"
        raise NotFound(f"the coordinator keeps no model {name[:80]!r}; it keeps: {known}")
    connection.execute(models.delete().where(models.c.name == name))
    _delete_unnamed(connection, old)


def find(connection: sa.Connection) -> list[StoredModel]:
    """See ``Store.models``."""
    query = (
        sa.select(models, contents.c.size_bytes)
        .join(contents, contents.c.sha256 == models.c.sha256)
        .order_by(models.c.name)
    )
    return [
        StoredModel(row.name, row.sha256, row.size_bytes, row.parameters, row.multiply_adds)
        for row in connection.execute(query)
    ]


def manifest_of(connection: sa.Connection, digest: str) -> Manifest:
    """See ``Store.content``."""
    query = sa.select(contents).where(
        contents.c.sha256.startswith(digest, autoescape=True), contents.c.complete
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            f"the coordinator keeps no model with hash {digest[:DIGEST_CHARS]!r};"
            " it was removed or replaced: add it again with 'help-coord models add'"
        )
    return _manifest(row)


def _manifest(row: sa.Row[tuple[object, ...]]) -> Manifest:
    values = row._mapping
    return Manifest(values["sha256"], values["size_bytes"], values["chunk_bytes"])


def _touch(connection: sa.Connection, sha256: str, now_s: float) -> None:
    connection.execute(contents.update().where(contents.c.sha256 == sha256).values(touched_s=now_s))


def _forget_abandoned(connection: sa.Connection, now_s: float) -> None:
    """Frees uploads that nobody goes on with, and content that lost its name to a crash."""
    named = sa.select(models.c.sha256)
    old = sa.select(contents.c.sha256).where(
        contents.c.touched_s < now_s - ABANDONED_AFTER_S, contents.c.sha256.not_in(named)
    )
    for sha256 in list(connection.execute(old).scalars()):
        _delete(connection, sha256)


def _delete_unnamed(connection: sa.Connection, sha256: str) -> None:
    query = sa.select(models.c.name).where(models.c.sha256 == sha256)
    if connection.execute(query).first() is None:
        _delete(connection, sha256)


def _delete(connection: sa.Connection, sha256: str) -> None:
    connection.execute(content_chunks.delete().where(content_chunks.c.sha256 == sha256))
    connection.execute(contents.delete().where(contents.c.sha256 == sha256))
