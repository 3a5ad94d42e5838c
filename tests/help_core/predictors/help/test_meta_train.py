"""Meta-training: seeds, resuming, and that it learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from help_core.errors import BadCheckpoint, BadInput, BadTable
from help_core.predictors.help.data import MetaData, meta_data
from help_core.predictors.help.meta_train import Progress, meta_step_size, meta_train
from help_core.predictors.help.settings import CORRECTED, HelpSettings
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable


class Stop(Exception):
    """Stands for a power cut."""


@pytest.fixture
def split(data: MetaData) -> tuple[MetaData, MetaData]:
    return data.select(data.devices[:6]), data.select(data.devices[6:])


@pytest.fixture
def short(small_settings: HelpSettings) -> HelpSettings:
    return dataclasses.replace(small_settings, episodes=9)


def weights(learner: torch.nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten() for value in learner.state_dict().values()])


def test_learns(split: tuple[MetaData, MetaData], small_settings: HelpSettings) -> None:
    scores: list[Progress] = []
    settings = dataclasses.replace(small_settings, episodes=150, meta_step_size=3e-3)
    trained = meta_train(*split, settings, seed=3, validate_every=15, on_progress=scores.append)
    assert [report.episode for report in scores] == list(range(15, 165, 15))
    assert scores[-1].loss < scores[0].loss / 1.5
    assert trained.validation.mean_spearman == scores[-1].best_spearman
    assert trained.validation.mean_spearman > 0.85


def test_same_seed_gives_the_same_weights(
    split: tuple[MetaData, MetaData], short: HelpSettings
) -> None:
    one = meta_train(*split, short, seed=5)
    torch.manual_seed(99)
    again = meta_train(*split, short, seed=5)
    other = meta_train(*split, short, seed=6)
    assert torch.equal(weights(one.learner), weights(again.learner))
    assert not torch.equal(weights(one.learner), weights(other.learner))


def test_broken_run_goes_on_to_the_result_of_an_unbroken_one(
    split: tuple[MetaData, MetaData], short: HelpSettings, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.episode == 6:
            raise Stop

    state = tmp_path / "state.pt"
    with pytest.raises(Stop):
        meta_train(*split, short, seed=1, validate_every=3, state_file=state, on_progress=stop)
    seen: list[int] = []
    resumed = meta_train(
        *split,
        short,
        seed=1,
        validate_every=3,
        state_file=state,
        on_progress=lambda progress: seen.append(progress.episode),
    )
    assert seen == [9]
    whole = meta_train(*split, short, seed=1, validate_every=3)
    assert resumed.episode == whole.episode
    assert torch.equal(weights(resumed.learner), weights(whole.learner))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_state_of_another_run_is_refused(
    split: tuple[MetaData, MetaData], short: HelpSettings, tmp_path: Path
) -> None:
    state = tmp_path / "state.pt"
    meta_train(*split, short, seed=1, state_file=state)
    with pytest.raises(BadCheckpoint, match="other settings, seed or data"):
        meta_train(*split, short, seed=2, state_file=state)


def test_damaged_state_is_refused(
    split: tuple[MetaData, MetaData], short: HelpSettings, tmp_path: Path
) -> None:
    state = tmp_path / "state.pt"
    state.write_bytes(b"half a file")
    with pytest.raises(BadCheckpoint, match="not the state of a meta-training"):
        meta_train(*split, short, seed=1, state_file=state)


def test_device_in_both_sets_is_refused(data: MetaData, short: HelpSettings) -> None:
    with pytest.raises(BadInput, match="'device0' is both trained and validated on"):
        meta_train(data, data.select(["device0"]), short, seed=0)


def test_pool_that_cannot_fill_an_episode_is_refused(
    split: tuple[MetaData, MetaData], short: HelpSettings
) -> None:
    settings = dataclasses.replace(short, pool=30)
    with pytest.raises(BadTable, match="'device0' has 30 usable latencies"):
        meta_train(*split, settings, seed=0)


def test_table_without_a_reference_architecture_is_refused(
    table: LatencyTable, space: NasBench201
) -> None:
    short_table = LatencyTable(
        table.space, table.architectures[:-1], table.devices, table.latency_ms[:-1]
    )
    with pytest.raises(BadTable, match="misses the reference architecture nasbench201:"):
        meta_data(short_table, space)


def test_gap_at_a_reference_architecture_is_refused(
    table: LatencyTable, space: NasBench201
) -> None:
    latency = table.latency_ms.copy()
    latency[-1, 2] = np.nan
    holed = LatencyTable(table.space, table.architectures, table.devices, latency)
    with pytest.raises(BadTable, match="'device2' misses a reference architecture"):
        meta_data(holed, space)


def test_gaps_elsewhere_are_left_out(data: MetaData, small_settings: HelpSettings) -> None:
    latency = data.latency_ms.copy()
    latency[np.random.default_rng(0).random(len(latency)) < 0.1, 0] = np.nan
    latency[data.references] = data.latency_ms[data.references]
    holed = dataclasses.replace(data, latency_ms=latency)
    settings = dataclasses.replace(small_settings, episodes=3)
    trained = meta_train(
        holed.select(data.devices[:6]), holed.select(data.devices[6:]), settings, seed=0
    )
    assert torch.isfinite(weights(trained.learner)).all()


def test_meta_step_size_falls_along_half_a_cosine() -> None:
    assert meta_step_size(CORRECTED, 0) == CORRECTED.meta_step_size
    middle = meta_step_size(CORRECTED, CORRECTED.episodes // 2)
    assert middle == pytest.approx(CORRECTED.meta_step_size / 2)
