"""Faults injected into the real measuring process, 200 times: distinct classes, agent alive.

    python benchmarks/child_faults.py [--count 200]

Takes the faults in turn (signals, memory limit, endless loop, wrong output shape, corrupt model,
ends without a word), measures a sound model after each, and prints how each was classified.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from agent.boards.models import ModelFiles, write_model
from agent.measure.loop import Plan
from agent.measure.process import ChildProcess
from agent.measure.sentinel import sentinel_stages
from agent.runtimes.faulty import FAULTS, NAME
from help_core.records import Failure, FailureClass, Settings

QUICK = Plan(min_sampling_s=0.01, max_sampling_s=0.02, max_warmup_s=0.02)
LIMIT_BYTES = 2**30
HANG_S = 2.0
CORRUPT = "corrupt-model"
WANTED = {
    "sigsegv": FailureClass.CRASHED,
    "sigill": FailureClass.ILLEGAL_INSTRUCTION,
    "sigkill": FailureClass.KILLED,
    "sigabrt": FailureClass.CRASHED,
    "memory": FailureClass.OUT_OF_MEMORY,
    "endless": FailureClass.TIMED_OUT,
    "exit": FailureClass.CRASHED,
    "wrong-output": FailureClass.WRONG_OUTPUT,
    CORRUPT: FailureClass.BAD_MODEL,
}


def faulty_files(fault: str, folder: Path) -> ModelFiles:
    """The sentinel with a fault in its runtime, or in its file."""
    if fault != CORRUPT:
        return write_model(sentinel_stages(), Settings(runtime=NAME, provider=fault), 0.0, folder)
    files = write_model(sentinel_stages(), Settings(), 0.0, folder)
    model = folder / "0.onnx"
    model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    return files


def main() -> None:
    """Injects and prints; the exit code says whether all was as wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=200)
    count = parser.parse_args().count
    child = ChildProcess()
    found: Counter[tuple[str, str]] = Counter()
    right = sound = 0
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        good = write_model(sentinel_stages(), Settings(), 0.0, Path(name) / "good")
        for fault in itertools.islice(itertools.cycle([*FAULTS, CORRUPT]), count):
            files = faulty_files(fault, Path(name) / fault)
            job = files.job(QUICK, memory_limit_bytes=LIMIT_BYTES)
            answer = child.run(job, files.folder, HANG_S if fault == "endless" else 60.0)
            label = answer.failure_class if isinstance(answer, Failure) else "measured"
            found[fault, label] += 1
            right += label == WANTED[fault]
            sound += not isinstance(child.run(good.job(QUICK), good.folder, 60.0), Failure)
    for (fault, label), times in sorted(found.items()):
        print(f"{fault:14} -> {label:20} {times}")
    elapsed_s = time.perf_counter() - begin
    print(f"{right} of {count} as wanted, {sound} of {count} sound models measured after them")
    print(f"{elapsed_s:.0f} s")
    sys.exit(0 if right == sound == count else 1)


if __name__ == "__main__":
    main()
