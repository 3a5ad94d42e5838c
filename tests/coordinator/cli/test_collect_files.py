"""What ``collect --from`` reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.cli.fleet import _lines
from help_core.errors import BadInput
from help_core.spaces import parse_architecture

HAT = """
encoder-embed-dim-subtransformer: 640
encoder-layer-num-subtransformer: 6
encoder-ffn-embed-dim-all-subtransformer: [3072, 3072, 3072, 2048, 3072, 1024]
encoder-self-attention-heads-all-subtransformer: [8, 8, 8, 4, 8, 4]
decoder-embed-dim-subtransformer: 512
decoder-layer-num-subtransformer: 1
decoder-ffn-embed-dim-all-subtransformer: [3072]
decoder-self-attention-heads-all-subtransformer: [8]
decoder-ende-attention-heads-all-subtransformer: [4]
decoder-arbitrary-ende-attn-all-subtransformer: [-1]
"""


def test_a_text_file_holds_a_string_a_line(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("own:a@0123456789abcdef\n\n  fbnet:x  \n")
    assert _lines(path, "nasbench201") == ["own:a@0123456789abcdef", "fbnet:x"]
    assert _lines(None, "nasbench201") == []


@pytest.mark.parametrize("space", ["hat", "hat-beam4"])
def test_a_configuration_of_hat_is_one_architecture_of_the_space(
    tmp_path: Path, space: str
) -> None:
    path = tmp_path / "network.yml"
    path.write_text(HAT)
    (name,) = _lines(path, space)
    assert str(parse_architecture(name)) == name
    assert name.startswith(f"{space}:e640_f3072.3072.3072.2048.3072.1024_")


def test_a_configuration_without_its_space_says_what_to_name(tmp_path: Path) -> None:
    path = tmp_path / "network.yml"
    path.write_text(HAT)
    with pytest.raises(BadInput, match=r"network\.yml: only spaces of HAT .* --space"):
        _lines(path, "nasbench201")
    with pytest.raises(BadInput, match="cannot be read"):
        _lines(tmp_path / "none.txt", "hat")
