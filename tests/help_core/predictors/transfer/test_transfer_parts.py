from __future__ import annotations

import numpy as np
import pytest

from help_core.predictors.transfer import TransferPredictor, posterior
from help_core.predictors.transfer.attribution import Attribution
from help_core.predictors.transfer.basis import joined
from help_core.predictors.transfer.choices import one_hot
from help_core.predictors.transfer.choose import choose
from help_core.predictors.transfer.knowledge import Knowledge
from help_core.predictors.transfer.learned import term_names
from help_core.predictors.transfer.posterior import fit_posterior
from help_core.predictors.transfer.prior import PriorScales, draw_prior, outlier_variances
from help_core.predictors.transfer.tables import DeviceTables
from help_core.predictors.transfer.teaching import taught
from help_core.spaces.base import sample_genes
from help_core.tables.latency import LatencyTable
from tests.help_core.predictors.transfer.conftest import SPACE, make_device

LIKE_ANY = np.array([1.0, 1.4, 0.9, 1.3, 1.1])


def test_one_draw_gives_the_gaussian_process_posterior(predictor: TransferPredictor) -> None:
    """Against the textbook form, with every term written out (Rasmussen & Williams 2.25-26)."""
    prior = PriorScales(draws=1, outliers=0)
    draws = draw_prior(predictor.knowledge.layout, prior)
    genes = sample_genes(SPACE, 60, np.random.default_rng(3))
    dictionary = predictor.dictionary(genes)
    support, query = dictionary.take(np.arange(8)), dictionary.take(np.arange(8, 60))
    relative = make_device(50)(genes)[:8]
    relative = relative / np.median(relative / support.anchors[:, 0])

    features = np.column_stack([dictionary.columns, *dictionary.fields])
    widths = [1] * dictionary.columns.shape[1] + [one.shape[1] for one in dictionary.fields]
    scales = np.repeat(draws.scales[0], widths)
    kernel = (features * scales**2) @ features.T
    anchor = draws.anchor[0]
    worth = np.median(relative / support.anchors[:, anchor])
    noise = (draws.noise[0] * dictionary.anchors[:, 0]) ** 2
    inner = kernel[:8, :8] + np.diag(noise[:8])
    gain = np.linalg.solve(inner, kernel[:8, 8:]).T
    mean = query.anchors[:, anchor] * worth
    mean = mean + gain @ (relative - support.anchors[:, anchor] * worth)
    variance = np.diag(kernel)[8:] - (gain * kernel[8:, :8]).sum(axis=1) + noise[8:]

    got_mean, got_deviation = fit_posterior(support, relative, draws, prior).moments(query)
    np.testing.assert_allclose(got_mean, mean, rtol=1e-3)
    np.testing.assert_allclose(got_deviation, np.sqrt(variance), rtol=0.02)


def test_the_mixture_has_the_moments_of_its_draws(predictor: TransferPredictor) -> None:
    prior = PriorScales(draws=3, outliers=0, temper=0.0)
    layout = predictor.knowledge.layout
    draws = draw_prior(layout, prior)
    genes = sample_genes(SPACE, 40, np.random.default_rng(3))
    dictionary = predictor.dictionary(genes)
    support = dictionary.take(np.arange(6))
    relative = make_device(50)(genes)[:6]
    relative = relative / np.median(relative / support.anchors[:, 0])
    each = [
        fit_posterior(
            support, relative, draws.take(np.array([k])), PriorScales(draws=1, outliers=0)
        ).moments(dictionary)
        for k in range(3)
    ]
    means, variances = np.array([m for m, _ in each]), np.array([d**2 for _, d in each])
    mean, deviation = fit_posterior(support, relative, draws, prior).moments(dictionary)
    np.testing.assert_allclose(mean, means.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(
        deviation**2, (variances + (means - mean) ** 2).mean(axis=0), rtol=1e-3
    )


def test_draws_are_the_same_every_time(predictor: TransferPredictor) -> None:
    first, second = (draw_prior(predictor.knowledge.layout, PriorScales()) for _ in range(2))
    np.testing.assert_array_equal(first.scales, second.scales)
    assert (first.scales > 0).all()
    assert set(first.anchor.tolist()) == {0, 1, 2, 3, 4, 5}


def test_outliers_are_rare_and_loud() -> None:
    factors = outlier_variances(PriorScales(outliers=0.1, outlier_factor=5), 10)
    assert set(np.unique(factors)) == {1.0, 25.0}
    assert (factors > 1).mean() == pytest.approx(0.1, abs=0.02)


def test_terms_have_mean_square_one_over_the_references(predictor: TransferPredictor) -> None:
    knowledge = predictor.knowledge
    dictionary = knowledge.dictionary(knowledge.references)
    kinds = np.array(knowledge.layout.columns)
    for kind in ("mean", "paper", "device", "physics"):
        columns = dictionary.columns[:, kinds == kind]
        assert (columns**2).sum(axis=1).mean() == pytest.approx(1)
    for one in dictionary.fields:
        assert (one**2).sum(axis=1).mean() == pytest.approx(1)


def test_costs_are_attributed_to_the_choices_that_cause_them() -> None:
    genes = sample_genes(SPACE, 500, np.random.default_rng(0))
    hot = one_hot(SPACE, genes)
    costs = np.random.default_rng(1).uniform(size=hot.shape[1])
    attribution = Attribution.fit(SPACE, hot, hot @ costs)
    by_choice, by_gene = attribution.features(hot)
    total = by_choice.sum(axis=1)
    np.testing.assert_allclose(total - total.mean(), hot @ costs - (hot @ costs).mean(), atol=0.01)
    assert by_choice.shape == (500, 5)
    assert by_gene.shape == (500, 6)


def test_denoising_removes_failed_measurements_and_outliers(
    predictor: TransferPredictor,
) -> None:
    rng = np.random.default_rng(0)
    genes = sample_genes(SPACE, 300, rng)
    device = make_device(11)
    clean = device(genes)
    dirty = clean.copy()
    dirty[:5] = 0.003
    dirty[5] *= 40
    features = joined(predictor.knowledge.basis.parts(genes))
    fits = [DeviceTables.fit(("d",), [features], table[:, None]) for table in (clean, dirty)]
    from_clean, from_dirty = (fit.predict(features)[6:, 0] for fit in fits)
    error = np.abs(from_dirty / from_clean - 1)
    assert np.median(error) < 0.02
    assert np.quantile(error, 0.95) < 0.1


def test_choosing_covers_independent_directions_first() -> None:
    features = np.array([[2.0, 0, 0], [2.0, 0.01, 0], [0, 1.0, 0], [0, 0, 1.5], [0.1, 0.1, 0.1]])
    picks = choose(features, np.full(5, 1e-4), 3, LIKE_ANY)
    assert set(picks.tolist()) in ({0, 2, 3}, {1, 2, 3})


def test_choosing_knows_what_was_measured() -> None:
    features = np.array([[2.0, 0], [0, 1.0], [0, 0], [0, 0], [0, 0]])
    noise = np.full(5, 1e-4)
    assert choose(features, noise, 1, LIKE_ANY).tolist() == [0]
    assert choose(features, noise, 1, LIKE_ANY, np.array([[2.0, 0]])).tolist() == [1]


def test_doubt_about_the_offset_is_not_worth_a_measurement() -> None:
    varied = np.array([0.1, 0.2, 0.5, 0.3, 0.0])
    features = np.column_stack([np.full(5, 9.0), varied - varied.mean()])
    noise = np.full(5, 1e-4)
    measured = np.array([[9.0, 0.0]])
    assert choose(features, noise, 1, LIKE_ANY, measured)[0] == 2
    # Whatever is measured first tells the offset; the choice falls on what tells more.
    assert choose(features + np.array([1, 0]), noise, 1, LIKE_ANY)[0] == 2


def test_scales_are_learned_for_what_devices_differ_in() -> None:
    rng = np.random.default_rng(0)
    genes = sample_genes(SPACE, 300, rng)
    work = SPACE.features(genes, "physics")
    work = work / work.mean(axis=0)
    # They disagree about pools (place 3) and about nothing else.
    base = 4 + work[:, 2] + work[:, 1]
    latency_ms = np.column_stack([base + price * work[:, 3] for price in (0, 0.5, 1, 2, 3)])
    table = LatencyTable(SPACE.name, tuple(SPACE.from_genes(genes)), tuple("abcde"), latency_ms)
    knowledge = taught(Knowledge.learn(SPACE, table))
    scales = dict(
        zip(term_names(knowledge.layout), knowledge.learned.related.tolist(), strict=True)
    )
    physics = sorted(
        (name for name in scales if name.startswith("physics")), key=lambda name: scales[name]
    )
    pools = ("physics 3", "physics 7")
    assert scales["device"] + sum(scales[name] for name in pools) > 5 * scales["by_choice"]
    assert max(scales[name] for name in pools) >= scales[physics[-3]]


def test_two_devices_teach_no_scales(training_table: LatencyTable) -> None:
    two = LatencyTable(
        training_table.space,
        training_table.architectures,
        training_table.devices[:2],
        training_table.latency_ms[:, :2],
    )
    assert not len(taught(Knowledge.learn(SPACE, two)).learned.related)


def test_taught_scales_narrow_some_draws(predictor: TransferPredictor) -> None:
    layout, learned = predictor.knowledge.layout, predictor.knowledge.learned
    without = draw_prior(layout, PriorScales())
    some = draw_prior(layout, PriorScales(learned=0.5), learned)
    changed = (some.scales != without.scales).any(axis=1)
    np.testing.assert_array_equal(some.anchor, without.anchor)
    assert 0.25 < changed.mean() < 0.5
    assert not changed[some.anchor > 1].any()


def test_a_glance_keeps_the_draws_that_matter(predictor: TransferPredictor) -> None:
    device = make_device(50, 0.02)
    genes = sample_genes(SPACE, 150, np.random.default_rng(3))
    dictionary, relative = predictor.dictionary(genes), device(genes)
    support = dictionary.take(np.arange(40))
    relative = relative / np.median(relative[:40] / support.anchors[:, 0])
    prior = PriorScales()
    draws = draw_prior(predictor.knowledge.layout, prior, predictor.knowledge.learned)
    quick = fit_posterior(support, relative[:40], draws, prior).moments(dictionary)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(posterior, "GLANCE", 40)
        slow = fit_posterior(support, relative[:40], draws, prior).moments(dictionary)[0]
    np.testing.assert_allclose(quick, slow, rtol=0.02)
