"""A user's models that a coordinator keeps: ``own:NAME@DIGEST``.

The digest is the beginning of the SHA-256 of the model's bytes, so one string always means one
network, whatever file the name is given to later. Only who has the bytes can build it.
"""

from __future__ import annotations

import re
from typing import NoReturn

from help_core.errors import BadArchitecture, BadInput
from help_core.records.model import DIGEST_CHARS
from help_core.spaces.base import Architecture, BuildOptions, Cost, Stage

NAME = "own"
_TEXT = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._+-]{{0,63}}@[0-9a-f]{{{DIGEST_CHARS}}}")


def digest_of(architecture: Architecture) -> str:
    """The digest of a stored model's architecture."""
    return architecture.text.rpartition("@")[2]


class StoredModels:
    """The space of all stored models, without their bytes."""

    name = NAME

    def parse(self, text: str) -> Architecture:
        """The model that ``NAME@DIGEST`` names, with or without the prefix."""
        found = text.removeprefix(f"{NAME}:")
        if not _TEXT.fullmatch(found):
            raise BadArchitecture(
                f"{NAME}: {found[:100]!r} is not NAME@HASH with {DIGEST_CHARS} hexadecimal"
                " digits; 'help-coord models list' shows the models that there are"
            )
        return Architecture(NAME, found)

    def build(self, architecture: Architecture, options: BuildOptions) -> tuple[Stage, ...]:
        """Raises ``BadInput``: an agent that was lent the model builds it from its bytes."""
        _refuse(architecture)

    def cost(self, architecture: Architecture) -> Cost:
        """Raises ``BadInput``: the cost is known where the model was added."""
        _refuse(architecture)

    def reference_architectures(self) -> tuple[Architecture, ...]:
        """None: a user's models have nothing in common that a design could cover."""
        return ()


def _refuse(architecture: Architecture) -> NoReturn:
    raise BadInput(
        f"{architecture} is a model that a coordinator keeps, which is not here;"
        " measure the file itself with 'help-agent measure --onnx FILE'"
    )
