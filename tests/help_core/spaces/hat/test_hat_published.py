"""HAT's and HELP's published files: configurations, their order of latency, latency tables."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped, unused-ignore]
import pytest

from help_core.errors import BadArchitecture
from help_core.graphs.inputs import random_inputs
from help_core.spaces import BuildOptions
from help_core.spaces.base import Architecture
from help_core.spaces.hat import TASKS, Hat
from help_core.tables.hat_csv import read_hat_csv

CONFIG = """
encoder-embed-dim-subtransformer: 640  # as HAT writes it
decoder-embed-dim-subtransformer: 512

encoder-ffn-embed-dim-all-subtransformer: [3072, 3072, 3072, 2048, 3072, 1024]
decoder-ffn-embed-dim-all-subtransformer: [3072, 1024]
encoder-layer-num-subtransformer: 6
decoder-layer-num-subtransformer: 2
encoder-self-attention-heads-all-subtransformer: [8, 8, 8, 4, 8, 4]
decoder-self-attention-heads-all-subtransformer: [8, 4]
decoder-ende-attention-heads-all-subtransformer: [4, 8]
# -1 means attending to the last encoder layer
decoder-arbitrary-ende-attn-all-subtransformer: [-1, 2, 1, 1, -1, 2]
train-subtransformer: True
"""


def test_configuration_becomes_its_architecture() -> None:
    assert Hat().parse_config(CONFIG).text == (
        "e640_f3072.3072.3072.2048.3072.1024_h8.8.8.4.8.4+d512_f3072.1024_h8.4_x4.8_a1.3"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((": 640 ", ": 600 "), "600 is not one of 512, 640"),
        (("[3072, 1024]", "[3072]"), "has 1 entries for 2 layers"),
        (("[-1, 2", "[0, 2"), "0 is not one of -1, 1, 2"),
        (("[8, 4]\n", "[8, 4\n"), "must be 'key: 512'"),
        (("[8, 4]\n", "[8, -]\n"), "not a whole number"),
        (("[8, 4]\n", "!!python/object:os.system\n"), "must be 'key: 512'"),
        (("decoder-layer-num-subtransformer: 2", ""), "decoder-layer-num-subtransformer"),
        (("decoder-embed-dim-sub", "x-sub"), "has no decoder-embed-dim-subtransformer"),
        (("layer-num-subtransformer: 2", "layer-num-subtransformer: 0"), "has 0 entries"),
        (("layer-num-subtransformer: 2", "layer-num-subtransformer: -1"), "has 0 entries"),
    ],
)
def test_bad_configuration_is_refused_by_its_key(change: tuple[str, str], message: str) -> None:
    assert change[0] in CONFIG
    with pytest.raises(BadArchitecture) as caught:
        Hat().parse_config(CONFIG.replace(*change))
    assert message in str(caught.value)


def published(folder: Path) -> dict[tuple[str, float], Architecture]:
    """The four configurations of HELP's section 4 by device and published latency in ms."""
    found = {}
    for path in (folder / "help" / "hat").glob("*.yml"):
        match = re.fullmatch(r"wmt14ende_help_([a-z0-9]+)@([0-9.]+)ms", path.stem)
        assert match is not None
        found[match[1], float(match[2])] = Hat().parse_config(path.read_text())
    return found


@pytest.mark.reference
def test_published_configurations_rank_as_published_when_run(reference_data: Path) -> None:
    networks = published(reference_data)
    assert sorted(networks) == [
        ("gold6240", 159.6), ("gold6240", 343.2), ("titanrtx", 74.0), ("titanrtx", 106.5),
    ]  # fmt: skip
    assert max(len(str(architecture)) for architecture in networks.values()) < 150
    for device, faster, slower in (("titanrtx", 74.0, 106.5), ("gold6240", 159.6, 343.2)):
        times = sentence_ms([networks[device, faster], networks[device, slower]])
        assert times[0] < times[1]


def sentence_ms(architectures: list[Architecture]) -> list[float]:
    """The least time of a sentence of each, measured in turns so that all meet the same load."""
    space, stages = Hat(), []
    for architecture in architectures:
        for stage in space.build(architecture, BuildOptions()):
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            session = onnxruntime.InferenceSession(stage.model.SerializeToString(), options)
            inputs = random_inputs(stage.model, np.random.default_rng(0))
            stages.append((stage.runs, session, inputs))
    least = [float("inf")] * len(stages)
    for _ in range(15):
        for index, (_, session, inputs) in enumerate(stages):
            start = time.perf_counter()
            session.run(None, inputs)
            least[index] = min(least[index], 1e3 * (time.perf_counter() - start))
    totals = [runs * ms for (runs, _, _), ms in zip(stages, least, strict=True)]
    return [totals[0] + totals[1], totals[2] + totals[3]]


@pytest.mark.reference
def test_latency_tables_hold_the_features_that_the_space_makes(reference_data: Path) -> None:
    paths = sorted((reference_data / "hat").glob("*.csv"))
    assert len(paths) == 8
    for path in paths:
        table = read_hat_csv(path)
        assert table.features.shape == (2000, 10)
        assert (table.total_ms > table.decoder_ms).all()
        assert set(np.unique(table.features[:, [0, 4]])) == {512, 640}
        assert (table.features[:, 1] == 6).all()
        assert set(np.unique(table.features[:, 5])) == {1, 2, 3, 4, 5, 6}
        low, high = table.features.min(axis=0), table.features.max(axis=0)
        for task in TASKS.values():
            space = Hat(task=task)
            references = space.to_genes(space.reference_architectures())
            ours = space.features(references, "help")
            assert (ours >= np.minimum(low, 512)).all()
            assert (ours[:, 9] <= high[9]).all()
            assert (ours <= np.maximum(high, 3072)).all()


@pytest.mark.reference
def test_the_published_tables_say_that_depth_of_the_decoder_rules(reference_data: Path) -> None:
    """What HAT reports, and a check that columns are where the reader thinks they are."""
    table = read_hat_csv(reference_data / "hat" / "wmt14ende_gpu_titanxp_all.csv")
    assert np.corrcoef(table.features[:, 5], table.decoder_ms)[0, 1] > 0.95
    assert abs(np.corrcoef(table.features[:, 5], table.encoder_ms)[0, 1]) < 0.2
