"""Measures architectures on one board and delivers what it measured. Never imports torch."""

import os

# gRPC writes a line of its own to stderr for each failed handshake, between ours. It reads this
# once, when it is imported, so it must be said before.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
