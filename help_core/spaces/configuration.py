"""Architectures as files: those of this project, and those of the spaces' own projects.

once-for-all writes a subnet as JSON (``ks``, ``e``, ``d``, ``r``), HAT a SubTransformer as flat
YAML. Both are read and written here; every other space has its canonical string.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from help_core.errors import BadArchitecture
from help_core.spaces.base import Architecture, SearchSpace
from help_core.spaces.hat import Hat
from help_core.spaces.hat.text import format_config, parse_network
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.spaces.ofa.genotype import config_of_genes, parse_genes
from help_core.spaces.registry import get_space

MAX_FILE_BYTES = 1 << 20


def read_architecture(given: str, space_name: str) -> Architecture:
    """The architecture that a string or a file names.

    A file is JSON with an ``architecture`` (as reports write), once-for-all's JSON, HAT's YAML
    or text with the canonical string. A string may name its space; ``space_name`` is for those
    that do not. Raises ``BadArchitecture`` with the offending part, or ``NotFound``.
    """
    path = Path(given)
    if not _is_file(path):
        return _parse(given, space_name)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadArchitecture(f"{path}: is too large for an architecture")
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadArchitecture(f"{path}: cannot be read ({error})") from None
    try:
        return _from_file(path, text, space_name)
    except BadArchitecture as error:
        raise BadArchitecture(f"{path}: {error}") from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _from_file(path: Path, text: str, space_name: str) -> Architecture:
    if path.suffix.lower() in (".yml", ".yaml"):
        space = get_space(space_name)
        if not isinstance(space, Hat):
            raise BadArchitecture(f"only spaces of HAT read YAML, {space_name} does not")
        return space.parse_config(text)
    if not text.startswith("{"):
        return _parse(text, space_name)
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise BadArchitecture(f"not JSON ({error})") from None
    if isinstance(content.get("architecture"), str):
        return _parse(content["architecture"], space_name)
    space = get_space(space_name)
    if not isinstance(space, OFAMobileNetV3):
        raise BadArchitecture(f"has no 'architecture', and {space_name} has no JSON of its own")
    return space.from_config(content)


def _parse(text: str, space_name: str) -> Architecture:
    prefix, colon, _ = text.partition(":")
    return get_space(prefix if colon else space_name).parse(text)


def configuration(
    space: SearchSpace, architecture: Architecture
) -> tuple[str, str, Mapping[str, Any]] | None:
    """File suffix, text and content of an architecture as its own project writes it.

    ``None`` where the canonical string is all there is.
    """
    if isinstance(space, OFAMobileNetV3):
        config = config_of_genes(parse_genes(architecture.text))
        return ".json", json.dumps(config) + "\n", config
    if isinstance(space, Hat):
        lines = format_config(parse_network(architecture.text, space.task))
        text = "".join(f"{key}: {value}\n" for key, value in lines.items())
        return ".yml", text, lines
    return None
