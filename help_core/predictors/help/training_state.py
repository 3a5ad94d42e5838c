"""The state of a meta-training that a file can hold, so that a broken run goes on."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from help_core.errors import BadCheckpoint
from help_core.predictors.help.learner import MetaLearner
from help_core.predictors.help.validation import Validation


class TrainingState:
    """Meta-learner, optimiser, random generator, and the best meta-learner so far."""

    def __init__(
        self,
        learner: MetaLearner,
        optimizer: torch.optim.Optimizer,
        rng: np.random.Generator,
    ) -> None:
        self.learner = learner
        self.optimizer = optimizer
        self.rng = rng
        self.episode = 0
        self.best_episode = 0
        self.best_weights: dict[str, Tensor] = {}
        self.best_validation: Validation | None = None

    @property
    def best_spearman(self) -> float:
        """Of the best validation so far; minus infinity before the first."""
        return self.best_validation.mean_spearman if self.best_validation else -math.inf

    def keep_if_best(self, validation: Validation) -> None:
        """Copies the weights if no validation was better."""
        if not validation.mean_spearman > self.best_spearman:
            return
        self.best_validation = validation
        self.best_episode = self.episode
        self.best_weights = {
            name: value.detach().cpu().clone() for name, value in self.learner.state_dict().items()
        }

    def save(self, path: Path, identity: str) -> None:
        """Writes the file in one step: an interrupted save leaves the old one whole."""
        content = {
            "identity": identity,
            "episode": self.episode,
            "learner": self.learner.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": json.dumps(self.rng.bit_generator.state),
            "best_episode": self.best_episode,
            "best_weights": self.best_weights,
            "best_validation": asdict(self.best_validation) if self.best_validation else None,
        }
        part = path.with_name(path.name + ".part")
        torch.save(content, part)
        part.replace(path)

    def restore(self, path: Path, identity: str) -> None:
        """Reads what ``save`` wrote; raises ``BadCheckpoint`` for a damaged file or other run."""
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            other = content["identity"] != identity
        except (OSError, pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError):
            raise BadCheckpoint(
                f"{path}: not the state of a meta-training; delete it to start anew"
            ) from None
        if other:
            raise BadCheckpoint(
                f"{path}: the state of a meta-training with other settings, seed or data;"
                " give another file, or delete it to start anew"
            )
        self.episode = content["episode"]
        self.learner.load_state_dict(content["learner"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.rng.bit_generator.state = json.loads(content["rng"])
        self.best_episode = content["best_episode"]
        self.best_weights = content["best_weights"]
        validation = content["best_validation"]
        self.best_validation = Validation(**validation) if validation else None
