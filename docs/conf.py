"""Sphinx: ``make docs`` builds these pages; warnings are errors, so links are checked."""

project = "help-fleet"
author = "the help-fleet authors"
copyright = "the help-fleet authors, Apache-2.0"  # noqa: A001 - Sphinx wants this name
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "help-fleet"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nitpicky = True
suppress_warnings: list[str] = []
