"""From an architecture to the models of its inference, timed."""

from __future__ import annotations

import time
from collections.abc import Mapping

from help_core.errors import BadInput
from help_core.records import Failure, FailureClass, Settings
from help_core.spaces import Architecture, BuildOptions, SearchSpace, Stage, get_space


def build_stages(
    architecture: Architecture, settings: Settings, spaces: Mapping[str, SearchSpace]
) -> tuple[tuple[Stage, ...], float] | Failure:
    """Stages and the time in ms that building took; by a space of ``spaces`` before others."""
    begin = time.perf_counter_ns()
    try:
        space = spaces.get(architecture.space) or get_space(architecture.space)
        stages = space.build(
            architecture,
            BuildOptions(batch_size=settings.batch_size, precision=settings.precision),
        )
    except BadInput as error:
        return Failure(FailureClass.BAD_MODEL, str(error))
    return tuple(stages), (time.perf_counter_ns() - begin) / 1e6
