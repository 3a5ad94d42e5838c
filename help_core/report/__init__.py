"""An answer as a folder that a person keeps: page, architectures, networks, provenance."""

from help_core.report.facts import Facts, Phase
from help_core.report.page import render_page
from help_core.report.read import answer_from_json
from help_core.report.write import write_report

__all__ = ["Facts", "Phase", "answer_from_json", "render_page", "write_report"]
