"""The inner loop, its modulator and its step sizes."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from help_core.errors import BadInput
from help_core.predictors.help.adapting import episode_loss, predict_tasks
from help_core.predictors.help.episodes import Tasks
from help_core.predictors.help.learner import MetaLearner
from help_core.predictors.help.meta_train import new_learner
from help_core.predictors.help.modulator import divergence
from help_core.predictors.help.settings import (
    AS_PUBLISHED,
    CORRECTED,
    MAML,
    META_SGD,
    HelpSettings,
)

TASKS, SUPPORT, QUERY, WIDTH = 3, 5, 7, 12


def some_tasks() -> Tasks:
    torch.manual_seed(4)
    return Tasks(
        torch.rand(TASKS, 10),
        torch.rand(TASKS, SUPPORT, WIDTH),
        torch.rand(TASKS, SUPPORT),
        torch.rand(TASKS, QUERY, WIDTH),
        torch.rand(TASKS, QUERY),
    )


def small(settings: HelpSettings) -> MetaLearner:
    return new_learner(dataclasses.replace(settings, hidden=8), WIDTH, 0)


def noise(learner: MetaLearner) -> Tensor:
    return torch.randn(TASKS, learner.noise_size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("settings", [AS_PUBLISHED, CORRECTED, MAML, META_SGD])
def test_tasks_do_not_touch_each_other(settings: HelpSettings) -> None:
    learner, tasks = small(settings), some_tasks()
    draws = noise(learner)
    together, _ = learner.adapt(tasks.embedding, tasks.support_x, tasks.support_y, draws)
    alone, _ = learner.adapt(
        tasks.embedding[1:2], tasks.support_x[1:2], tasks.support_y[1:2], draws[1:2]
    )
    for name, value in together.items():
        torch.testing.assert_close(value[1:2], alone[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("settings", [AS_PUBLISHED, CORRECTED, MAML, META_SGD])
def test_adaptation_lowers_the_loss_on_the_support(settings: HelpSettings) -> None:
    learner, tasks = small(dataclasses.replace(settings, updates=5, step_size=0.05)), some_tasks()
    draws = noise(learner)

    def support_loss(weights: dict[str, Tensor]) -> float:
        predicted = learner.predict(weights, tasks.embedding, tasks.support_x)
        offset = learner.offset(weights, tasks.embedding, tasks.support_x, tasks.support_y)
        return float(((predicted + offset - tasks.support_y) ** 2).mean().detach())

    before, _ = learner.start(tasks.embedding, draws)
    after, _ = learner.adapt(tasks.embedding, tasks.support_x, tasks.support_y, draws)
    assert support_loss(after) < support_loss(before)


@pytest.mark.parametrize("settings", [AS_PUBLISHED, CORRECTED])
def test_support_and_queries_in_one_pass_are_those_of_two(settings: HelpSettings) -> None:
    learner, tasks = small(settings), some_tasks()
    support = (tasks.embedding, tasks.support_x, tasks.support_y)
    weights, _ = learner.adapt(*support, noise(learner))
    apart = learner.predict(weights, tasks.embedding, tasks.query_x)
    apart = apart + learner.offset(weights, *support)
    together = learner.calibrated(weights, *support, tasks.query_x)
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("settings", [AS_PUBLISHED, CORRECTED, MAML])
def test_weights_per_task_predict_as_each_network_alone(settings: HelpSettings) -> None:
    learner, tasks = small(settings), some_tasks()
    weights, _ = learner.start(tasks.embedding, noise(learner))
    together = learner.predict(weights, tasks.embedding, tasks.query_x)
    for task in range(TASKS):
        own = {name: value[task] for name, value in weights.items()}
        alone = learner.predict(own, tasks.embedding[task], tasks.query_x[task])
        torch.testing.assert_close(together[task], alone, rtol=1e-4, atol=1e-6)


def test_meta_gradient_is_that_of_finite_differences() -> None:
    learner, tasks = small(AS_PUBLISHED).double(), some_tasks()
    tasks = Tasks(
        tasks.embedding.double(),
        tasks.support_x.double(),
        tasks.support_y.double(),
        tasks.query_x.double(),
        tasks.query_y.double(),
    )
    with torch.no_grad():
        for step in learner.step_sizes.values():
            step.fill_(0.3)
    draws = noise(learner).double()
    torch.autograd.backward(episode_loss(learner, tasks, draws))
    for name in ("network.encoder.first.weight", "step_sizes.head/second/weight"):
        parameter = dict(learner.named_parameters())[name]
        assert parameter.grad is not None
        at = int(parameter.grad.abs().argmax())
        losses = []
        for shift in (1e-6, -2e-6):
            with torch.no_grad():
                parameter.view(-1)[at] += shift
            losses.append(float(episode_loss(learner, tasks, draws).detach()))
        slope = (losses[0] - losses[1]) / 2e-6
        assert float(parameter.grad.view(-1)[at]) == pytest.approx(slope, rel=1e-4)
        with torch.no_grad():
            parameter.view(-1)[at] += 1e-6


def test_first_order_gradient_differs_from_second_order() -> None:
    gradients = []
    for second_order in (True, False):
        settings = dataclasses.replace(META_SGD, second_order=second_order, step_size=0.3)
        learner, tasks = small(settings), some_tasks()
        torch.autograd.backward(episode_loss(learner, tasks, noise(learner)))
        gradient = learner.network.head.second.weight.grad
        assert gradient is not None
        gradients.append(gradient)
    assert not torch.allclose(gradients[0], gradients[1])


def test_maml_has_no_step_sizes_and_meta_sgd_has_one_per_weight() -> None:
    maml, meta_sgd = small(MAML), small(META_SGD)
    assert not list(maml.step_sizes)
    assert sum(p.numel() for p in meta_sgd.step_sizes.values()) == sum(
        p.numel() for p in meta_sgd.network.parameters()
    )
    assert maml.noise_size == meta_sgd.noise_size == 0


def test_as_published_weighs_only_the_last_kl_and_corrected_the_mean() -> None:
    tasks = some_tasks()
    for kl_of in ("last-task", "each-task"):
        learner = small(dataclasses.replace(AS_PUBLISHED, kl_of=kl_of))
        draws = noise(learner)
        _, kl = learner.start(tasks.embedding, draws)
        assert kl.std() > 0
        with_kl = episode_loss(learner, tasks, draws)
        learner.settings = dataclasses.replace(learner.settings, kl_weight=0.0)
        difference = with_kl - episode_loss(learner, tasks, draws)
        expected = TASKS * kl[-1] if kl_of == "last-task" else kl.mean()
        torch.testing.assert_close(
            difference, AS_PUBLISHED.kl_weight * expected, rtol=1e-4, atol=1e-4
        )


def test_divergence_is_that_of_torch_distributions() -> None:
    mean, deviation = torch.randn(2, 6), torch.rand(2, 6) + 0.1
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, deviation), normal(torch.zeros(2, 6), torch.ones(2, 6))
    ).sum(dim=-1)
    torch.testing.assert_close(divergence(mean, deviation), expected)


def test_corrected_predictions_move_with_the_support_labels() -> None:
    learner, tasks = small(CORRECTED), some_tasks()
    draws = torch.zeros(1, TASKS, learner.noise_size)
    arguments = (tasks.embedding, tasks.support_x)
    one = predict_tasks(learner, *arguments, tasks.support_y, tasks.query_x, draws)
    other = predict_tasks(learner, *arguments, tasks.support_y + 3, tasks.query_x, draws)
    torch.testing.assert_close(other, one + 3, rtol=1e-4, atol=1e-4)


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadInput, match="support_size is 1"):
        dataclasses.replace(CORRECTED, support_size=1)
    with pytest.raises(BadInput, match="switch both off"):
        dataclasses.replace(CORRECTED, uses_embedding=False)
    with pytest.raises(BadInput, match=r"trim_share is 0\.5"):
        dataclasses.replace(CORRECTED, trim_share=0.5)
