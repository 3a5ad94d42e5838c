"""Channel and server options that both sides must agree on, each with its reason."""

from __future__ import annotations

MAX_MESSAGE_BYTES = 4 * 2**20
"""gRPC's own default, kept: what is larger travels as a stream of smaller messages."""

UNARY_DEADLINE_S = 10.0
CONNECT_DEADLINE_S = 4.0
"""A coordinator that is not there must be reported within 5 s."""

CLIENT_OPTIONS: tuple[tuple[str, int], ...] = (
    # A silent NAT drops idle connections after minutes; a ping each 20 s keeps them and
    # finds a dead peer within 20 + 10 s, before a lease of 60 s ends.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # An agent without work has no call open and must ping all the same.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A coordinator that restarts is found again within seconds, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # Streams are reconnected by the application, which knows what was acknowledged.
    ("grpc.enable_retries", 0),
    # Proxies of a company must not swallow calls to a board in the lab.
    ("grpc.enable_http_proxy", 0),
)

SERVER_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Without this the server takes a client's ping each 20 s for an attack and hangs up.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # One connection cannot hold the whole coordinator: an agent needs three calls at a time.
    ("grpc.max_concurrent_streams", 128),
    # Who connects and says nothing is let go: no client of ours takes a second to shake hands,
    # and an agent always has a call open.
    ("grpc.server_handshake_timeout_ms", 15_000),
    ("grpc.max_connection_idle_ms", 300_000),
    # Two coordinators on one port would share its connections at random.
    ("grpc.so_reuseport", 0),
)
