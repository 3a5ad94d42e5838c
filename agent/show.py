"""Measurements and probes as tables for a person, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.table import Table

from agent.measure.reasons import explain
from agent.measure.statistics import label_outliers, percentiles_ms
from agent.probe import Probe
from help_core import __version__
from help_core.records import Measurement, Reading


def measurement_json(measurement: Measurement) -> dict[str, Any]:
    """The record, with what can be derived from it."""
    return {
        **asdict(measurement),
        "percentiles_ms": percentiles_ms(measurement.samples_ns),
        "outliers": label_outliers(measurement.samples_ns),
        "explanations": {
            reason: {"what": explain(reason).what, "fix": explain(reason).fix}
            for reason in measurement.reasons
        },
    }


def measurement_table(measurement: Measurement) -> Table:
    """Figures first, then what to think of them, then the conditions."""
    summary = measurement.summary
    used = [process for process in measurement.processes if process.samples]
    table = Table(show_header=False, title="latency")
    table.add_row("median", f"{summary.median_ms:.4g} ms")
    table.add_row("95 % interval", f"{summary.low_ms:.4g} - {summary.high_ms:.4g} ms")
    table.add_row("minimum", f"{summary.min_ms:.4g} ms")
    table.add_row("quartiles", f"{summary.q1_ms:.4g} - {summary.q3_ms:.4g} ms")
    for name, value in percentiles_ms(measurement.samples_ns).items():
        if name != "p50":
            table.add_row(f"{name} (with waiting)", f"{value:.4g} ms")
    if used:
        cold = used[0]
        text = f"{cold.build_ms:.3g}, {cold.session_ms:.3g}, {cold.first_run_ms:.3g} ms"
        table.add_row("build, session, first run", text)
        table.add_row("medians of processes", ", ".join(f"{p.median_ms:.4g}" for p in used))
    table.add_row("samples", f"{len(measurement.samples_ns)} in {len(used)} processes")
    outliers = sum(label_outliers(measurement.samples_ns).values())
    table.add_row("outliers among them", str(outliers))
    table.add_row("verdict", str(measurement.verdict))
    for reason in measurement.reasons:
        table.add_row(f"  {reason}", f"{explain(reason).what} ({explain(reason).fix})")
    for reading in measurement.readings:
        table.add_row(reading.name.replace("_", " "), _reading(reading))
    return table


def _reading(reading: Reading) -> str:
    values = (reading.before, reading.after, reading.low, reading.high)
    if all(value is None for value in values):
        return "unreadable"
    ends = [f"{value:.3g}" for value in (reading.before, reading.after) if value is not None]
    text = " -> ".join(ends)
    if reading.low is not None and reading.high is not None:
        text += f" ({reading.low:.3g} - {reading.high:.3g} during)"
    return text


def probe_json(probe: Probe) -> dict[str, Any]:
    """Everything that was found."""
    return {"version": __version__, **asdict(probe)}


def probe_table(probe: Probe) -> Table:
    """What it is, what it can read, what will spoil numbers."""
    table = Table(title=f"help-agent {__version__}", show_header=False)
    for name, value in asdict(probe.board).items():
        table.add_row(name.replace("_", " "), str(value) or "unreadable")
    table.add_row(probe.runtime, ", ".join(probe.providers) or "not installed")
    table.add_row("governor", probe.governor)
    table.add_row("power mode", probe.power_mode)
    table.add_row("cores to measure on", probe.affinity)
    for name, reading in probe.readings.items():
        told = _missing(probe, name) if reading is None else f"{reading:.1f}"
        table.add_row(name.replace("_", " "), told)
    can_tell = probe.throttling_readable
    table.add_row("throttling", "readable" if can_tell else _missing(probe, "throttling"))
    if "gpu" in probe.unreadable:
        table.add_row("gpu", _missing(probe, "gpu"))
    table.add_section()
    for finding in probe.findings:
        table.add_row(finding.reason, f"{finding.what}. {finding.fix[:1].upper()}{finding.fix[1:]}")
    if not probe.findings:
        table.add_row("spoils numbers", "nothing found")
    return table


def _missing(probe: Probe, name: str) -> str:
    why = probe.unreadable.get(name)
    return f"unreadable: {why}" if why else "none"
