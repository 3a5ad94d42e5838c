from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from help_core.arrays import AnyArray
from help_core.errors import BadCheckpoint
from help_core.spaces.ofa.genotype import config_of_genes, parse_genes
from help_core.spaces.ofa.layers import Skeleton
from help_core.supernet import build_calibration, build_trained, extract_layers, load_supernet
from help_core.supernet.checkpoint import Supernet, plain_name
from tests.supernets import Reference, State, make_supernet, save_supernet

WIDTH, CLASSES = 0.25, 12
MIXED = parse_genes("r128;d2,3,2,4,3;k57,553,37,7553,777;e43,444,63,3334,366")
LARGEST = parse_genes("r128;d4,4,4,4,4;k7777,7777,7777,7777,7777;e6666,6666,6666,6666,6666")
SMALLEST = parse_genes("r128;d2,2,2,2,2;k33,33,33,33,33;e33,33,33,33,33")


@pytest.fixture(scope="module")
def state() -> State:
    return make_supernet(WIDTH, CLASSES)


def as_supernet(state: State) -> Supernet:
    return Supernet("test", {plain_name(name): tensor for name, tensor in state.items()})


def run(model: onnx.ModelProto, images: AnyArray) -> list[AnyArray]:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: list[AnyArray] = session.run(None, {"image": images})
    return found


def images(count: int, seed: int = 0) -> AnyArray:
    return np.random.default_rng(seed).normal(size=(count, 3, 128, 128)).astype(np.float32)


@pytest.mark.parametrize("genes", [MIXED, LARGEST, SMALLEST])
@pytest.mark.parametrize("width", [WIDTH, 1.2])
def test_an_extracted_subnet_computes_what_once_for_all_computes(
    genes: tuple[int, ...], width: float
) -> None:
    state = make_supernet(width, CLASSES)
    skeleton = Skeleton(width)
    layers = extract_layers(as_supernet(state), genes, skeleton)
    (output,) = run(build_trained(layers, genes, skeleton, 2), images(2))
    with torch.no_grad():
        expected = Reference(state, config_of_genes(genes))(torch.from_numpy(images(2))).numpy()
    assert expected.std() > 0.1
    np.testing.assert_allclose(output, expected, rtol=2e-3, atol=2e-4)


def test_a_kernel_is_cut_from_a_larger_one_by_its_learned_matrices(state: State) -> None:
    plain = make_supernet(WIDTH, CLASSES)
    for name, tensor in plain.items():
        if name.endswith("_matrix"):
            plain[name] = torch.eye(len(tensor))
    skeleton = Skeleton(WIDTH)
    learned = extract_layers(as_supernet(state), SMALLEST, skeleton)
    cropped = extract_layers(as_supernet(plain), SMALLEST, skeleton)
    place = next(i for i, layer in enumerate(learned) if layer.name == "blocks.1.depth_conv")
    full = plain["blocks.1.mobile_inverted_conv.depth_conv.conv.conv.weight"].numpy()
    channels = len(cropped[place].weight)
    np.testing.assert_array_equal(cropped[place].weight, full[:channels, :, 2:5, 2:5])
    assert not np.allclose(learned[place].weight, cropped[place].weight)


def test_calibration_gives_the_statistics_of_the_batch(state: State) -> None:
    skeleton = Skeleton(WIDTH)
    layers = extract_layers(as_supernet(state), MIXED, skeleton)
    found = run(build_calibration(layers, MIXED, skeleton, 4), images(4))
    reference = Reference(state, config_of_genes(MIXED))
    reference.own_statistics = True
    with torch.no_grad():
        reference(torch.from_numpy(images(4)))
    assert (
        len(found) == 2 * len(reference.recorded) == 2 * sum(one.norm is not None for one in layers)
    )
    for index, (mean, variance) in enumerate(reference.recorded):
        scale = float(variance.max().sqrt())
        np.testing.assert_allclose(found[2 * index].ravel(), mean, rtol=1e-3, atol=1e-3 * scale)
        np.testing.assert_allclose(
            found[2 * index + 1].ravel(), variance, rtol=5e-3, atol=1e-4 * scale**2
        )


def test_both_spellings_of_the_release_are_read(tmp_path: Path, state: State) -> None:
    save_supernet(tmp_path / "old.pth", state)
    renamed = {
        "module." + name.replace(".mobile_inverted_conv.", ".conv."): tensor
        for name, tensor in state.items()
    }
    torch.save(renamed, tmp_path / "new.pth")
    old, new = load_supernet(tmp_path / "old.pth"), load_supernet(tmp_path / "new.pth")
    assert set(old.tensors) == set(new.tensors)
    for first, second in zip(
        extract_layers(old, MIXED, Skeleton(WIDTH)),
        extract_layers(new, MIXED, Skeleton(WIDTH)),
        strict=True,
    ):
        assert first.name == second.name
        np.testing.assert_array_equal(first.weight, second.weight)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        (
            "blocks.3.mobile_inverted_conv.depth_conv.conv.conv.weight",
            "blocks.3.depth_conv.conv.weight",
        ),
        ("blocks.0.conv.depth_conv.conv.weight", "blocks.0.depth_conv.conv.weight"),
        ("blocks.3.conv.point_linear.bn.bn.running_var", "blocks.3.point_linear.bn.running_var"),
        ("blocks.9.conv.depth_conv.conv.7to5_matrix", "blocks.9.depth_conv.conv.7to5_matrix"),
        ("first_conv.conv.weight", "first_conv.conv.weight"),
        ("classifier.linear.linear.weight", "classifier.linear.weight"),
    ],
)
def test_names_have_one_spelling(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_a_supernet_of_another_width_is_refused_by_layer(state: State) -> None:
    with pytest.raises(BadCheckpoint, match=r"first_conv\.conv\.weight is .*another width"):
        extract_layers(as_supernet(state), MIXED, Skeleton(1.0))


def test_a_missing_layer_is_named(state: State) -> None:
    partial = {name: tensor for name, tensor in state.items() if "blocks.7." not in name}
    with pytest.raises(BadCheckpoint, match=r"has no blocks\.7\."):
        extract_layers(as_supernet(partial), LARGEST, Skeleton(WIDTH))


def test_weights_that_are_not_finite_are_refused(state: State) -> None:
    broken = dict(state)
    broken["first_conv.bn.running_var"] = torch.full_like(
        broken["first_conv.bn.running_var"], float("nan")
    )
    with pytest.raises(BadCheckpoint, match="not finite"):
        extract_layers(as_supernet(broken), MIXED, Skeleton(WIDTH))


class _Trap:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("/tmp/executed-by-a-supernet"),))  # type: ignore[return-value]


@pytest.mark.parametrize("content", [b"no weights", b"", b"\x80\x02}q\x00."])
def test_a_file_that_is_no_supernet_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(BadCheckpoint) as caught:
        load_supernet(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_in_a_supernet_file_is_executed(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": _Trap()}, path)
    with pytest.raises(BadCheckpoint, match="not weights saved by torch"):
        load_supernet(path)
    assert not Path("/tmp/executed-by-a-supernet").exists()
