"""Meta-training: from a latency table of many devices to a meta-learner."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from help_core.errors import BadInput
from help_core.predictors.help.adapting import episode_loss
from help_core.predictors.help.data import MetaData
from help_core.predictors.help.episodes import EpisodeSampler
from help_core.predictors.help.learner import MetaLearner
from help_core.predictors.help.scaling import embedding_center
from help_core.predictors.help.settings import HelpSettings
from help_core.predictors.help.training_state import TrainingState
from help_core.predictors.help.validation import Validation, Validator
from help_core.predictors.help.wide import wide_products


@dataclass(frozen=True, slots=True)
class Progress:
    """Where meta-training stands after a validation."""

    episode: int
    episodes: int
    loss: float
    """Mean meta-loss since the last report."""
    validation: Validation
    best_spearman: float


@dataclass(frozen=True, slots=True)
class MetaTrained:
    """The meta-learner of the episode that scored best on the validation devices."""

    learner: MetaLearner
    episode: int
    validation: Validation


def meta_train(
    train: MetaData,
    validate: MetaData,
    settings: HelpSettings,
    *,
    seed: int,
    validate_every: int = 50,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    state_file: Path | None = None,
    torch_device: torch.device | None = None,
) -> MetaTrained:
    """Meta-trains on the devices of ``train``, picks the best episode by those of ``validate``.

    With a ``state_file`` the run is saved at every validation and goes on from there when it
    is called again with the same arguments; the result is that of an unbroken run. Raises
    ``BadTable`` if the data is too small, ``BadCheckpoint`` for the state of another run.
    """
    overlap = set(train.devices) & set(validate.devices)
    if overlap:
        raise BadInput(f"device {min(overlap)!r} is both trained and validated on; separate them")
    run = _Run(train, validate, settings, seed, torch_device or torch.device("cpu"))
    identity = f"{settings} {seed} {validate_every} {train.digest()} {validate.digest()}"
    if state_file is not None and state_file.exists():
        run.state.restore(state_file, identity)
    while run.state.episode < settings.episodes:
        losses = [run.step() for _ in range(min(validate_every, run.remaining))]
        validation = run.validate()
        if state_file is not None:
            run.state.save(state_file, identity)
        on_progress(
            Progress(
                run.state.episode,
                settings.episodes,
                float(np.mean(losses)),
                validation,
                run.state.best_spearman,
            )
        )
    return run.best()


class _Run:
    """One meta-training: what it draws from, and the state that changes."""

    def __init__(
        self,
        train: MetaData,
        validate: MetaData,
        settings: HelpSettings,
        seed: int,
        torch_device: torch.device,
    ) -> None:
        center = embedding_center(train.latency_ms[train.references].T)
        self._settings = settings
        self._torch_device = torch_device
        self._episodes = EpisodeSampler(train, settings, center, torch_device)
        rng = np.random.default_rng([seed, 1])
        self._validator = Validator(validate, settings, center, torch_device, rng)
        self._validation_seed = [seed, 2]
        learner = new_learner(settings, train.features.shape[1], seed)
        learner.embedding_center.copy_(torch.from_numpy(center))
        learner.to(torch_device)
        optimizer = torch.optim.Adam(learner.parameters(), lr=settings.meta_step_size, fused=True)
        self.state = TrainingState(learner, optimizer, np.random.default_rng([seed, 0]))

    @property
    def remaining(self) -> int:
        return self._settings.episodes - self.state.episode

    def step(self) -> float:
        """One episode; returns its loss."""
        state = self.state
        for group in state.optimizer.param_groups:
            group["lr"] = meta_step_size(self._settings, state.episode)
        tasks = self._episodes.draw(state.rng)
        size = (len(tasks.embedding), state.learner.noise_size)
        noise = torch.from_numpy(state.rng.standard_normal(size, dtype=np.float32))
        with wide_products():
            loss = episode_loss(state.learner, tasks, noise.to(self._torch_device))
            state.optimizer.zero_grad()
            torch.autograd.backward(loss)
        state.optimizer.step()
        state.episode += 1
        return float(loss.detach())

    def validate(self) -> Validation:
        """Scores the present meta-learner and keeps it if it is the best so far."""
        rng = np.random.default_rng(self._validation_seed)
        validation = self._validator.score(self.state.learner, rng)
        self.state.keep_if_best(validation)
        return validation

    def best(self) -> MetaTrained:
        """The best meta-learner, on the CPU."""
        state = self.state
        if state.best_validation is None:
            raise BadInput("meta-training ran no episode; set episodes to 1 or more")
        learner = new_learner(self._settings, state.learner.feature_width, 0)
        learner.load_state_dict(state.best_weights)
        return MetaTrained(learner, state.best_episode, state.best_validation)


def meta_step_size(settings: HelpSettings, episode: int) -> float:
    """The step size of the outer loop in that episode, counted from 0."""
    if not settings.meta_step_decay:
        return settings.meta_step_size
    return settings.meta_step_size * (1 + math.cos(math.pi * episode / settings.episodes)) / 2


def new_learner(settings: HelpSettings, feature_width: int, seed: int) -> MetaLearner:
    """A meta-learner with weights drawn from ``seed``; torch's own generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MetaLearner(settings, feature_width)
