"""Checks damaged models in a process of its own, which the test sees die if one kills it.

``python -m tests.help_core.spaces.own.own_fuzz COUNT`` prints how many were accepted, how many
refused, and the longest check in seconds.
"""

from __future__ import annotations

import json
import math
import random
import resource
import sys
import time
from pathlib import Path

import numpy as np
import onnx

from help_core.errors import BadInput
from help_core.graphs.inputs import random_inputs
from help_core.spaces.own.inspect import inspect_model, load_model
from help_core.spaces.own.limits import Limits
from tests.help_core.spaces.own.own_models import (
    CONVOLUTIONAL,
    TOKENS,
    damage_bytes,
    damage_model,
    model,
)

MEMORY_BYTES = 2 << 30
SIZES = {"batch": 1, "N": 1, "seq": 4, "extra.0": 2}


def main(count: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    whole = [model(CONVOLUTIONAL), model(TOKENS)]
    accepted, refused, longest = 0, 0, 0.0
    for seed in range(count):
        rng = random.Random(seed)
        source = whole[seed % 2]
        if seed % 4 < 2:
            data = damage_bytes(source.SerializeToString(), rng)
        else:
            data = damage_model(source, rng)
        start = time.perf_counter()
        accepted_now = _accepted(data)
        longest = max(longest, time.perf_counter() - start)
        accepted += accepted_now
        refused += not accepted_now
    answer = {"accepted": accepted, "refused": refused, "longest": longest}
    sys.stdout.write(json.dumps(answer) + "\n")


def _accepted(data: bytes) -> bool:
    """Whether a file is taken; one that is must be valid, one that is not has one line why."""
    folder, limits = Path("/nowhere"), Limits()
    try:
        inspect_model(data, folder, SIZES, 1, limits)
    except BadInput as error:
        message = str(error)
        assert message, data
        assert "\n" not in message, message
        assert len(message) < 500, message
        return False
    loaded = load_model(data, folder, SIZES, 1, limits)
    onnx.checker.check_model(loaded, full_check=True)
    sizes = [[d.dim_value for d in x.type.tensor_type.shape.dim] for x in loaded.graph.input]
    if sum(map(math.prod, sizes)) < 1_000_000:
        random_inputs(loaded, np.random.default_rng(0))
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
