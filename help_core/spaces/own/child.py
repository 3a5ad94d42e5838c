"""The process that checks one model: a request on standard input, an answer on standard output.

Run as ``python -m help_core.spaces.own.child``; see ``inspect.inspect_in_child``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from help_core.errors import BadInput
from help_core.spaces.own.inspect import inspect_model, read_model_file
from help_core.spaces.own.limits import Limits


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The facts of the model, or why it is refused."""
    limits = Limits(**{**request["limits"], "domains": frozenset(request["limits"]["domains"])})
    bound_this_process(limits)
    path = Path(request["path"])
    try:
        data = read_model_file(path, limits)
        facts = inspect_model(data, path.parent, request["sizes"], request["batch_size"], limits)
    except BadInput as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": f"needs more than {limits.memory_bytes} bytes of memory to check"}
    except RecursionError:
        return {"refused": "nests its graphs too deeply"}
    return asdict(facts)


def bound_this_process(limits: Limits) -> None:
    """Has the system end this process when it takes more memory or time than ``limits``."""
    try:
        import resource
    except ImportError:  # Windows has no such bounds; the parent's timeout still holds.
        return
    bounds = (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, bound in bounds:
        hard = resource.getrlimit(kind)[1]
        lower = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (lower, hard))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(json.load(sys.stdin))) + "\n")
