"""A user's own ONNX file, measured without a coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from help_core.records import Settings
from help_core.spaces import BuildOptions, Stage
from help_core.spaces.own import Limits, OwnModels
from help_core.spaces.own.axes import parse_sizes
from help_core.spaces.own.limits import STANDARD_DOMAINS


def limits_for(domains: Sequence[str] | None) -> Limits:
    """What is accepted: the standard operators and those of the named domains."""
    return Limits(domains=STANDARD_DOMAINS | set(domains or ()))


def load_own(
    path: Path, axes: Sequence[str], limits: Limits, settings: Settings
) -> tuple[Stage, ...]:
    """The file, checked, with its free axes fixed; raises ``BadInput``."""
    space = OwnModels([path], sizes=parse_sizes(axes), limits=limits)
    options = BuildOptions(batch_size=settings.batch_size, precision=settings.precision)
    return space.build(space.parse(path.stem), options)
