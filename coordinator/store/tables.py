"""The tables, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only an INTEGER primary key.
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("last_seen_s", sa.Float(53), nullable=False),
)

devices = sa.Table(
    "devices",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("agent_id", sa.ForeignKey("agents.id"), nullable=False),
    sa.Column("board", sa.JSON, nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    # By the word of its agent, which may be a machine beside it.
    sa.Column("away", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("labels", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    # Failed attempts since the last success, and until when they keep the device out of work.
    sa.Column("failures_in_row", sa.Integer, nullable=False, server_default="0"),
    sa.Column("quarantined_until_s", sa.Float(53), nullable=True),
    # Counts the leases of the device, so that collections take turns.
    sa.Column("turn", sa.BigInteger, nullable=False, server_default="0"),
)

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("created_s", sa.Float(53), nullable=False),
    sa.Column("deadline_s", sa.Float(53), nullable=True),
    # Why its queued jobs are not made any more; empty while it is open.
    sa.Column("ended", sa.Text, nullable=False),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("device", sa.ForeignKey("devices.name"), nullable=False),
    sa.Column("architecture", sa.Text, nullable=False),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("collection", sa.String(64), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("agent_id", sa.String(64), nullable=False),
    sa.Column("lease_until_s", sa.Float(53), nullable=True),
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("ix_jobs_queue", "device", "state", "collection", "priority", "attempts", "id"),
    sa.Index("ix_jobs_collection", "collection", "state"),
    sa.Index("ix_jobs_lease", "state", "lease_until_s"),
)

reports = sa.Table(
    "reports",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=False, index=True),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("stale", sa.Boolean, nullable=False),
    sa.Column("agent_id", sa.String(64), nullable=False),
    sa.Column("device", sa.String(64), nullable=False),
    sa.Column("architecture", sa.Text, nullable=False),
    sa.Column("measured_unix_s", sa.Float(53), nullable=False),
    # Empty verdict: a failure, whose class and message are in the failure columns.
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("median_ms", sa.Float(53), nullable=True),
    sa.Column("samples_ns", sa.LargeBinary, nullable=True),
    sa.Column("details", sa.JSON, nullable=True),
    sa.Column("failure_class", sa.String(32), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Index("ix_reports_device", "device", "verdict", "stale"),
    # The newest measurements of a device, without reading all of them.
    sa.Index("ix_reports_newest", "device", "id"),
)

table_rows = sa.Table(
    "table_rows",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("device", sa.String(64), primary_key=True),
    sa.Column("architecture", sa.String(512), primary_key=True),
    sa.Column("latency_ms", sa.Float(53), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
)

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("chunk_bytes", sa.Integer, nullable=False),
    # Whether all chunks are there and have this hash.
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("touched_s", sa.Float(53), nullable=False),
)

content_chunks = sa.Table(
    "content_chunks",
    metadata,
    sa.Column("sha256", sa.ForeignKey("contents.sha256"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

models = sa.Table(
    "models",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("sha256", sa.ForeignKey("contents.sha256"), nullable=False, index=True),
    sa.Column("parameters", sa.BigInteger, nullable=False),
    sa.Column("multiply_adds", sa.BigInteger, nullable=True),
)

accuracy_rows = sa.Table(
    "accuracy_rows",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("architecture", sa.String(512), primary_key=True),
    sa.Column("accuracy_percent", sa.Float(53), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
)

adaptations = sa.Table(
    "adaptations",
    metadata,
    sa.Column("device", sa.ForeignKey("devices.name"), primary_key=True),
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("predictor", sa.String(64), nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("support", sa.JSON, nullable=False),
)

adapt_runs = sa.Table(
    "adapt_runs",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("device", sa.String(64), nullable=False),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("asked", sa.JSON, nullable=False),
    sa.Column("asked_by", sa.String(128), nullable=False),
    sa.Column("detached", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("started_s", sa.Float(53), nullable=False),
    sa.Column("ended_s", sa.Float(53), nullable=True),
    sa.Column("progress", sa.JSON, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    # Latencies of its support set in ms, by architecture: the device's embedding.
    sa.Column("support", sa.JSON, nullable=False),
    # The answer as deflated JSON; null while there is none.
    sa.Column("answer", sa.LargeBinary, nullable=True),
    # The coordinator that works on it, and when it last said so; empty: nobody does.
    sa.Column("owner", sa.String(32), nullable=False),
    sa.Column("touched_s", sa.Float(53), nullable=False),
    sa.Index("ix_adapt_runs_started", "started_s"),
    sa.Index("ix_adapt_runs_device", "device", "started_s"),
    sa.Index("ix_adapt_runs_state", "state", "space", "started_s"),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    # SHA-256 of the secret, which is not kept.
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("label", sa.String(64), nullable=False),
    sa.Column("created_unix_s", sa.Float(53), nullable=False),
    sa.Column("expires_unix_s", sa.Float(53), nullable=False),
    sa.Column("last_used_unix_s", sa.Float(53), nullable=True),
    sa.Column("revoked", sa.Boolean, nullable=False),
    sa.Column("used_by", sa.String(64), nullable=False),
)

certificates = sa.Table(
    "certificates",
    metadata,
    sa.Column("serial", sa.String(40), primary_key=True),
    sa.Column("agent_id", sa.String(64), nullable=False, index=True),
    sa.Column("key_digest", sa.String(64), nullable=False),
    sa.Column("pem", sa.Text, nullable=False),
    sa.Column("issued_unix_s", sa.Float(53), nullable=False),
    sa.Column("expires_unix_s", sa.Float(53), nullable=False),
    sa.Column("revoked", sa.Boolean, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("at_unix_s", sa.Float(53), nullable=False),
    sa.Column("actor", sa.String(128), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(256), nullable=False),
    sa.Column("peer", sa.String(64), nullable=False),
    sa.Column("outcome", sa.String(256), nullable=False),
)
