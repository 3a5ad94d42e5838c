"""What the coordinator counts and times, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from help_core.records import JobState

LATENCY_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class Metrics:
    """One coordinator's figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reports = Counter(
            "help_reports",
            "Delivered reports by what became of them.",
            ["acknowledgement"],
            registry=self.registry,
        )
        self.record_seconds = Histogram(
            "help_record_seconds",
            "Time to commit a batch of reports.",
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.leased = Counter("help_leased_jobs", "Jobs handed out.", registry=self.registry)
        self.lease_seconds = Histogram(
            "help_lease_seconds",
            "Time to lease jobs, without waiting for them.",
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.expired = Counter(
            "help_expired_leases", "Leases that ended without a report.", registry=self.registry
        )
        self.registrations = Counter(
            "help_registrations", "Agents that connected.", registry=self.registry
        )
        self.store_errors = Counter(
            "help_store_errors", "Calls that the store failed.", registry=self.registry
        )
        self.ready = Gauge(
            "help_ready", "1 while the store can be written to.", registry=self.registry
        )
        self.jobs = Gauge("help_jobs", "Jobs by state.", ["state"], registry=self.registry)
        self.devices = Gauge("help_devices", "Devices by state.", ["state"], registry=self.registry)

    def set_jobs(self, counts: Mapping[JobState, int]) -> None:
        """Takes over how many jobs are in each state."""
        for state, count in counts.items():
            self.jobs.labels(state.value).set(count)

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
