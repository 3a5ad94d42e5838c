"""Orders of every kind against devices whose latency, energy and memory are a known law."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import pytest

from coordinator.clock import Clock
from coordinator.store import Adaptation, Store, StoredMeasurement
from coordinator.usecases.adapt import Adapting
from coordinator.usecases.measure import Measured, Measuring
from help_core.arrays import FloatArray
from help_core.errors import BadInput, HelpError, NotFound, NothingMeets
from help_core.records import (
    AdaptOrder,
    Answer,
    Limits,
    Measurement,
    Objective,
    Progress,
    Purpose,
    Reading,
    Summary,
    Verdict,
)
from help_core.spaces import get_gene_space, parse_architecture
from help_core.spaces.base import costs_of, sample_genes

SPACE = get_gene_space("nasbench201")
GENES = SPACE.all_genes()  # type: ignore[attr-defined]
NAMES = [str(one) for one in SPACE.from_genes(GENES)]
ROW = {name: row for row, name in enumerate(NAMES)}
WORK: FloatArray = SPACE.features(GENES, "physics")
COSTS = costs_of(SPACE, GENES)
NOISE = np.random.default_rng(0).lognormal(0.0, 0.02, (len(GENES), 2))

LATENCY = {
    "board": (3.0 + 0.11 * WORK[:, 9] + 2.2 * WORK[:, 3]) * NOISE[:, 0],
    "server": (1.0 + 0.35 * WORK[:, 11] + 0.012 * WORK[:, 9]) * NOISE[:, 1],
}
ENERGY = {"board": 4.0 * LATENCY["board"], "server": 90.0 * LATENCY["server"]}
MEMORY = 20.0 + COSTS.parameters / 5e4
RUNS = 200
TAIL = 1.5
"""How much longer than the median the slowest twentieth of the runs takes."""


@dataclass
class Lab(Measuring):
    """Devices that measure at once; ``sensors`` says whether they tell energy and memory."""

    sensors: bool = True
    broken: frozenset[str] = frozenset()
    asked: dict[str, list[str]] = field(default_factory=dict)

    async def measure(
        self, device: str, architectures: Sequence[str], purpose: Purpose, *, fresh: bool
    ) -> AsyncGenerator[Progress | Measured]:
        """The law's figures."""
        self.asked.setdefault(device, []).extend(architectures)
        yield Progress(purpose.value, 0, len(architectures), f"measuring on {device}")
        found = {
            name: self.figure(device, name) for name in architectures if name not in self.broken
        }
        yield Measured(found, {name: "crashed" for name in architectures if name in self.broken})

    def figure(self, device: str, name: str) -> StoredMeasurement:
        row = ROW[name]
        median = float(LATENCY[device][row])
        samples = np.full(RUNS, median)
        samples[-RUNS // 20 :] *= TAIL
        readings = (
            Reading("energy_per_run_mj", None, float(ENERGY[device][row])),
            Reading("peak_memory_mb", None, float(MEMORY[row])),
        )
        summary = Summary(*[median] * 7)
        measurement = Measurement(
            tuple((1e6 * samples).astype(int).tolist()),
            summary,
            Verdict.VALID,
            readings=readings if self.sensors else (),
        )
        return StoredMeasurement("key", device, name, 0.0, measurement)


@dataclass
class Memory:
    """What of a store these use cases need."""

    adaptations: dict[tuple[str, str], Adaptation] = field(default_factory=dict)
    lab: Lab | None = None

    def device(self, name: str, now_s: float) -> None:
        if name not in LATENCY:
            raise NotFound(f"unknown device {name}")

    def accuracies(self, space: str) -> tuple[str, list[Any]]:
        return "", []

    def set_adaptation(self, adaptation: Adaptation) -> None:
        self.adaptations[adaptation.device, adaptation.space] = adaptation

    def adaptation(self, device: str, space: str) -> Adaptation | None:
        return self.adaptations.get((device, space))

    def measurements(self, device: str, names: Sequence[str]) -> list[StoredMeasurement]:
        assert self.lab is not None
        return [self.lab.figure(device, name) for name in names]


class Frozen:
    """A clock that stands still."""

    def now_s(self) -> float:
        return 0.0


def make_lab(*, sensors: bool = True, broken: Sequence[str] = ()) -> Lab:
    return Lab(sensors, frozenset(broken))


def ask(order: AdaptOrder, lab: Lab | None = None, memory: Memory | None = None) -> Answer:
    """The answer of the use case."""
    lab, memory = lab or make_lab(), memory or Memory()
    memory.lab = lab
    adapting = Adapting(cast(Store, memory), cast(Clock, Frozen()), lab)

    async def last() -> Answer:
        events = [event async for event in adapting.adapt(order)]
        assert isinstance(events[-1], Answer)
        return events[-1]

    return asyncio.run(last())


def order(**options: Any) -> AdaptOrder:
    return AdaptOrder("board", "nasbench201", **options)


def latency_ms(device: str, architecture: str) -> float:
    return float(LATENCY[device][ROW[architecture]])


def median_limit(device: str = "board") -> float:
    return float(np.median(LATENCY[device]))


def test_one_answer_holds_on_two_devices_and_was_measured_on_both() -> None:
    limit = 14.0
    answer = ask(order(more_devices=("server",), max_latency_ms=(limit,)))
    (pick,) = answer.picks
    assert [one.device for one in pick.devices] == ["board", "server"]
    for one in pick.devices:
        assert one.measured_ms == pytest.approx(latency_ms(one.device, pick.architecture))
        assert one.measured_ms is not None
        assert one.measured_ms <= limit
    assert pick.measured_ms == max(one.measured_ms or 0 for one in pick.devices)
    assert {point.device for point in answer.support} == {"board", "server"}
    slowest = np.maximum(LATENCY["board"], LATENCY["server"])
    alone = ask(order(max_latency_ms=(limit,))).picks[0]
    assert (pick.accuracy_percent or 0) <= (alone.accuracy_percent or 0) + 0.5
    assert slowest[ROW[pick.architecture]] <= limit


def test_a_percentile_is_harder_to_keep_than_the_median() -> None:
    limit = median_limit()
    median = ask(order(max_latency_ms=(limit,))).picks[0]
    p99 = ask(order(max_latency_ms=(limit,), percentile=99.0)).picks[0]
    assert latency_ms("board", p99.architecture) * TAIL <= limit
    assert p99.measured_ms == pytest.approx(TAIL * latency_ms("board", p99.architecture), rel=1e-4)
    assert p99.devices[0].median_ms == pytest.approx(latency_ms("board", p99.architecture))
    assert (p99.accuracy_percent or 0) < (median.accuracy_percent or 0)


def test_a_percentile_that_too_few_samples_tell_is_refused() -> None:
    with pytest.raises(BadInput, match=r"board cannot judge p99\.9 latency: .* needs 1000 samples"):
        ask(order(max_latency_ms=(20.0,), percentile=99.9))


def test_limits_on_paper_hold_for_every_pick_and_are_never_measured_above() -> None:
    limits = Limits(max_parameters=700_000, max_multiply_adds=90_000_000)
    lab = make_lab()
    answer = ask(order(limits=limits, max_latency_ms=(12.0, 20.0)), lab)
    for pick in answer.picks:
        assert pick.parameters <= 700_000
        assert pick.multiply_adds <= 90_000_000
    for name in lab.asked["board"][10:]:
        assert COSTS.parameters[ROW[name]] <= 700_000


def test_limits_on_paper_that_nothing_keeps_name_the_smallest() -> None:
    with pytest.raises(NothingMeets, match=r"keeps the limits .* the smallest has 0\.0"):
        ask(order(limits=Limits(max_parameters=10)))


@pytest.mark.parametrize(
    ("limits", "figure"),
    [
        (Limits(max_energy_mj=50.0), ENERGY["board"]),
        (Limits(max_memory_mib=36.0), MEMORY),
    ],
)
def test_energy_and_memory_are_judged_on_the_measured_winners(
    limits: Limits, figure: FloatArray
) -> None:
    limit = limits.max_energy_mj or limits.max_memory_mib or 0.0
    answer = ask(order(limits=limits, max_latency_ms=(40.0,)))
    (pick,) = answer.picks
    assert figure[ROW[pick.architecture]] <= limit
    assert pick.devices[0].energy_mj == pytest.approx(ENERGY["board"][ROW[pick.architecture]])
    assert pick.devices[0].memory_mib == pytest.approx(MEMORY[ROW[pick.architecture]])
    free = ask(order(max_latency_ms=(40.0,))).picks[0]
    assert figure[ROW[free.architecture]] > limit


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(max_energy_mj=50.0), "no energy counter; leave out --max-energy-mj"),
        (Limits(max_memory_mib=50.0), "no memory reading; leave out --max-memory-mib"),
    ],
)
def test_a_device_without_a_counter_refuses_its_limit(limits: Limits, words: str) -> None:
    lab = make_lab(sensors=False)
    with pytest.raises(BadInput, match=words):
        ask(order(limits=limits), lab)
    assert len(lab.asked["board"]) == 10


def test_the_fastest_above_an_accuracy_is_measured() -> None:
    answer = ask(order(min_accuracy_percent=(68.0, 71.0)))
    assert [pick.min_accuracy_percent for pick in answer.picks] == [68.0, 71.0]
    for pick in answer.picks:
        assert pick.limit_ms is None
        assert (pick.accuracy_percent or 0) >= (pick.min_accuracy_percent or 0)
        assert pick.measured_ms == pytest.approx(latency_ms("board", pick.architecture))
    assert all("expected gain" in one.message for one in answer.limits)


def test_a_gain_below_zero_is_not_shown_as_one() -> None:
    (outcome,) = ask(order(max_latency_ms=(1e6,))).limits
    assert outcome.message == "confirmed: no other candidate promises more"


def test_an_accuracy_that_nothing_reaches_names_the_best() -> None:
    with pytest.raises(NothingMeets, match=r"an accuracy of 99 % .* the most accurate .* 7\d"):
        ask(order(min_accuracy_percent=(99.0,)))


def test_the_whole_front_rises_in_latency_and_accuracy() -> None:
    answer = ask(order(whole_front=True))
    latencies = [pick.measured_ms or 0 for pick in answer.picks]
    accuracies = [pick.accuracy_percent or 0 for pick in answer.picks]
    assert len(answer.picks) >= 5
    assert latencies == sorted(latencies)
    assert accuracies == sorted(accuracies)
    assert len(answer.confirmations) <= 30


def test_candidates_of_the_user_are_all_that_is_offered() -> None:
    drawn = SPACE.from_genes(sample_genes(SPACE, 40, np.random.default_rng(3)))
    names = tuple(str(one) for one in drawn)
    answer = ask(order(candidates=names, candidates_name="mine.txt", max_latency_ms=(15.0, 40.0)))
    assert answer.candidates_name == "mine.txt"
    assert answer.candidates == len(names)
    assert {pick.architecture for pick in answer.picks} <= set(names)


def test_a_candidate_of_another_space_is_refused_before_anything_is_measured() -> None:
    lab = make_lab()
    with pytest.raises(BadInput):
        ask(order(candidates=("fbnet:nonsense",)), lab)
    assert lab.asked == {}


def test_the_budget_bounds_the_measurements_and_the_answer_says_that_it_did() -> None:
    lab = make_lab()
    answer = ask(order(max_latency_ms=(9.0,), winner_measurements=1, top=5), lab)
    assert len(lab.asked["board"]) == 11
    assert "the budget of measurements ended the search" in answer.limits[0].message


def test_a_search_again_measures_no_support_set() -> None:
    memory, lab = Memory(), make_lab()
    limit = median_limit()
    ask(order(max_latency_ms=(limit,)), lab, memory)
    lab.asked.clear()
    again = order(max_latency_ms=(limit,), reuse_adaptation=True)
    predicted = ask(replace(again, verify=False), lab, memory)
    assert lab.asked == {}
    assert predicted.picks[0].measured_ms is None
    assert predicted.limits[0].message == "by prediction alone"
    confirmed = ask(again, lab, memory)
    assert latency_ms("board", confirmed.picks[0].architecture) <= limit


def test_a_search_on_a_device_that_was_never_adapted_says_what_to_run() -> None:
    with pytest.raises(NotFound, match="help-coord adapt --device board --space nasbench201"):
        ask(order(reuse_adaptation=True))


def test_a_candidate_that_fails_on_the_device_gives_way_to_the_next() -> None:
    limit = median_limit()
    best = ask(order(max_latency_ms=(limit,))).picks[0].architecture
    answer = ask(order(max_latency_ms=(limit,)), make_lab(broken=[best]))
    assert answer.picks[0].architecture != best
    assert latency_ms("board", answer.picks[0].architecture) <= limit


def test_without_accuracies_the_largest_network_within_the_limit_is_sought() -> None:
    limit = median_limit()
    answer = ask(order(accuracy_source="none", max_latency_ms=(limit,)))
    assert answer.objective is Objective.FLOPS
    assert answer.accuracy_source == ""
    assert any("has no accuracy source: architectures are ranked by" in n for n in answer.notes)
    best = COSTS.multiply_adds[LATENCY["board"] <= limit].max()
    assert answer.picks[0].multiply_adds >= 0.9 * best


def test_the_fastest_network_is_an_objective() -> None:
    answer = ask(order(objective=Objective.LATENCY, accuracy_source="none"))
    ranks = (LATENCY["board"] < latency_ms("board", answer.picks[0].architecture)).mean()
    assert ranks < 0.02


def test_a_proxy_ranks_the_candidates_that_were_named() -> None:
    names = tuple(NAMES[row] for row in range(0, len(NAMES), len(NAMES) // 6))
    answer = ask(order(accuracy_source="synflow", candidates=names, max_latency_ms=(1e4,)))
    assert answer.accuracy_source.startswith("proxy synflow")
    assert {pick.architecture for pick in answer.picks} <= set(names)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({}, "--candidates FILE"),
        ({"candidates": (NAMES[9],), "min_accuracy_percent": (70.0,)}, "only ranks"),
    ],
)
def test_a_proxy_is_refused_where_it_would_take_hours_or_means_nothing(
    wanted: dict[str, Any], words: str
) -> None:
    lab = make_lab()
    with pytest.raises(BadInput, match=words):
        ask(order(accuracy_source="synflow", **wanted), lab)
    assert lab.asked == {}


@pytest.mark.parametrize(
    "wanted", [{"min_accuracy_percent": (70.0,)}, {"objective": Objective.ACCURACY}]
)
def test_accuracy_without_a_source_is_refused_before_anything_is_measured(
    wanted: dict[str, Any],
) -> None:
    lab = make_lab()
    with pytest.raises(BadInput, match="has no accuracy source; import one"):
        ask(order(accuracy_source="none", **wanted), lab)
    assert lab.asked == {}


@pytest.mark.parametrize(
    "wanted",
    [
        {"min_accuracy_percent": (70.0,), "whole_front": True},
        {"min_accuracy_percent": (70.0,), "objective": Objective.FLOPS},
        {"max_latency_ms": (1.0, 2.0), "whole_front": True},
        {"more_devices": ("board",)},
        {"percentile": 100.0},
        {"candidates": ("x",), "generator": "random"},
        {"min_accuracy_percent": (0.7, 170.0)},
    ],
)
def test_what_contradicts_itself_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        order(**wanted)


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ({"generator": "nobody"}, NotFound),
        ({"accuracy_source": "nobody"}, NotFound),
        ({"more_devices": ("nobody",)}, NotFound),
    ],
)
def test_unknown_names_are_refused(wanted: dict[str, Any], kind: type[HelpError]) -> None:
    lab = make_lab()
    with pytest.raises(kind, match="nobody"):
        ask(order(**wanted), lab)
    assert lab.asked == {}


def test_the_same_order_gives_the_same_answer() -> None:
    wanted = order(max_latency_ms=(12.0,), generator="evolution", seed=4)
    first, second = ask(wanted), ask(wanted)
    assert first == second
    assert parse_architecture(first.picks[0].architecture).space == "nasbench201"
