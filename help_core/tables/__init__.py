"""Latency and accuracy tables: reading, checking, importing."""

from help_core.tables.latency import LatencyTable

__all__ = ["LatencyTable"]
