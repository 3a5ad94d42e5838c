"""Architectures scored per second: ``python benchmarks/search_cost.py [--space ofa]``.

Draws a million genotypes, adapts the default predictor to ten reference architectures whose
latencies are a law of their multiply-adds, and predicts latency, counts parameters and
multiply-adds, and asks the accuracy source for every one, in parts that fit a cache. Also
times one evolution as a search runs it. Nothing is measured; only time is reported.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

from help_core.accuracy import load_shipped_accuracy
from help_core.arrays import FloatArray, IntArray
from help_core.predictors.base import Support
from help_core.predictors.registry import DEFAULT, get_predictor
from help_core.search.front import pareto_front
from help_core.search.generators import Judgement, Problem, generate
from help_core.spaces import get_gene_space
from help_core.spaces.base import costs_of
from help_proto.console import print_json, run_cli

PART = 4_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What the benchmark reports; seconds of wall time."""

    space: str
    predictor: str
    accuracy_source: str
    threads: int
    architectures: int
    draw_s: float
    score_s: float
    score_cpu_s: float
    """Processor time of all threads, which other programs on the machine do not lengthen."""
    per_s: float
    front: int
    evolution_s: float
    evolution_candidates: int


def main(
    space_name: Annotated[str, typer.Option("--space")] = "ofa",
    count: Annotated[int, typer.Option(help="Architectures to score.")] = 1_000_000,
    threads: Annotated[int, typer.Option(help="Parts scored at the same time.")] = 2,
    seed: Annotated[int, typer.Option()] = 0,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Draws, scores, evolves."""
    space = get_gene_space(space_name)
    predictor = get_predictor(DEFAULT, space)
    accuracy = load_shipped_accuracy(space_name)
    rng = np.random.default_rng(seed)
    support = predictor.support_genes(10, rng)
    latency_ms = 5 + costs_of(space, support).multiply_adds / 2e7
    adapted = predictor.adapt(Support(support, latency_ms), rng)

    def score(genes: IntArray) -> tuple[FloatArray, FloatArray]:
        costs = costs_of(space, genes)
        found = costs.multiply_adds / 1e6
        if accuracy is not None:
            found = accuracy.accuracy_percent(genes)
        return adapted.predict(genes).latency_ms, found

    def judge(genes: IntArray) -> Judgement:
        return Judgement(*score(genes))

    score(support)
    begin = time.perf_counter()
    choices = np.array(space.gene_choices)
    genes = space.canonical(rng.integers(0, choices, size=(count, len(choices))))
    draw_s = time.perf_counter() - begin
    begin, begin_cpu = time.perf_counter(), time.process_time()
    parts = [genes[start : start + PART] for start in range(0, count, PART)]
    with ThreadPoolExecutor(threads) as pool:
        scored = list(pool.map(score, parts))
    score_s, score_cpu_s = time.perf_counter() - begin, time.process_time() - begin_cpu
    front = pareto_front(*(np.concatenate(column) for column in zip(*scored, strict=True)))
    begin = time.perf_counter()
    evolved = generate("evolution", Problem(space, judge), rng)
    figures = Figures(
        space=space_name,
        predictor=predictor.name,
        accuracy_source=accuracy.name if accuracy is not None else "none (multiply-adds)",
        threads=threads,
        architectures=count,
        draw_s=draw_s,
        score_s=score_s,
        score_cpu_s=score_cpu_s,
        per_s=count / score_s,
        front=len(front),
        evolution_s=time.perf_counter() - begin,
        evolution_candidates=len(evolved),
    )
    if as_json:
        print_json(figures)
        return
    print(
        f"{space_name} with {predictor.name}, accuracy: {figures.accuracy_source}\n"
        f"{count:,} architectures scored in {score_s:.1f} s with {threads} threads on"
        f" {os.cpu_count()} cores: {figures.per_s:,.0f} a second ({score_cpu_s:.1f} s of processor"
        f" time; drawing them took {draw_s:.1f} s)\nevolution: {len(evolved):,} candidates in"
        f" {figures.evolution_s:.1f} s"
    )


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    run_cli(app, "search_cost")
