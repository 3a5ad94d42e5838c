import numpy as np
import pytest

from help_core.accuracy.isomorphism import cell_signatures
from help_core.spaces.nasbench201 import NasBench201

SPACE = NasBench201()


def signatures(*cells: str) -> list[int]:
    genes = SPACE.to_genes([SPACE.parse(cell) for cell in cells])
    return [int(signature) for signature in cell_signatures(genes)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            "|nor_conv_3x3~0|+|avg_pool_3x3~0|none~1|+|none~0|skip_connect~1|nor_conv_1x1~2|",
            "|avg_pool_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_1x1~1|skip_connect~2|",
            id="inner nodes swapped",
        ),
        pytest.param(
            "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
            "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
            id="dead end",
        ),
        pytest.param(
            "|none~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|",
            "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
            id="nothing flows in",
        ),
        pytest.param(
            "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|",
            "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
            id="skips around one convolution",
        ),
    ],
)
def test_cells_that_compute_the_same_share_a_signature(first: str, second: str) -> None:
    assert len(set(signatures(first, second))) == 1


def test_cells_that_compute_different_functions_differ() -> None:
    cells = [
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|",
        # Twice the input is not the input, and f(g(x)) is not g(f(x)).
        "|skip_connect~0|+|none~0|none~1|+|skip_connect~0|skip_connect~1|none~2|",
        "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|",
        "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|",
    ]
    assert len(set(signatures(*cells))) == len(cells)


def test_signature_of_a_cell_does_not_depend_on_its_company() -> None:
    genes = SPACE.all_genes()
    chosen = np.random.default_rng(0).permutation(len(genes))[:50]
    np.testing.assert_array_equal(cell_signatures(genes[chosen]), cell_signatures(genes)[chosen])
