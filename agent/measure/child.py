"""The measuring process: ``python -m agent.measure.child JOB.json RESULT.json``.

It imports the runtime, numpy and nothing else heavy, measures the models that the job names and
writes the result in one piece. Whatever goes wrong in the runtime dies with this process.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from agent.measure.loop import Plan, sample

EXIT_BAD_MODEL = 81
EXIT_NO_PROVIDER = 82


def make_runner(job: dict[str, Any]) -> tuple[Callable[[], None], float, dict[str, str]]:
    """One inference over all stages, the ms that the sessions took, and facts of the runtime."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if job["provider"] not in available:
        sys.stderr.write(f"provider {job['provider']} is not among {', '.join(available)}")
        sys.exit(EXIT_NO_PROVIDER)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    begin = time.perf_counter_ns()
    stages = []
    for stage in job["stages"]:
        session = onnxruntime.InferenceSession(stage["model"], options, providers=[job["provider"]])
        with np.load(stage["inputs"], allow_pickle=False) as arrays:
            inputs = {name: arrays[name] for name in arrays.files}
        stages.append((session.run, inputs, stage["runs"]))
    session_ms = (time.perf_counter_ns() - begin) / 1e6
    facts = {"runtime": f"onnxruntime {onnxruntime.__version__}"}
    if len(stages) == 1 and stages[0][2] == 1:
        run, inputs, _ = stages[0]
        return lambda: run(None, inputs), session_ms, facts

    def run_stages() -> None:
        for run, inputs, runs in stages:
            for _ in range(runs):
                run(None, inputs)

    return run_stages, session_ms, facts


def main() -> None:
    """Measures the job in ``argv[1]`` and writes the result to ``argv[2]``."""
    job = json.loads(Path(sys.argv[1]).read_text())
    try:
        run, session_ms, facts = make_runner(job)
        result = sample(run, time.perf_counter_ns, Plan(**job["plan"]))
    except Exception as error:
        # The runtime's exceptions have no common base; all of them mean that it refused.
        sys.stderr.write(f"{type(error).__name__}: {str(error)[:300]}".splitlines()[0])
        sys.exit(EXIT_BAD_MODEL)
    target = Path(sys.argv[2])
    scratch = target.with_suffix(".part")
    scratch.write_text(json.dumps({"session_ms": session_ms, "facts": facts, **asdict(result)}))
    scratch.replace(target)


if __name__ == "__main__":
    main()
