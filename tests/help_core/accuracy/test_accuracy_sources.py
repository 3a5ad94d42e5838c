import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from help_core.accuracy import AccuracySource, RankingOnly, accuracy_names, get_accuracy
from help_core.accuracy.proxies import MAX_ARCHITECTURES, Proxy
from help_core.errors import BadInput, NotFound
from help_core.spaces import get_gene_space
from help_core.spaces.base import sample_genes
from help_core.spaces.nasbench201 import NasBench201

SPACE = NasBench201()
GENES = sample_genes(SPACE, 3, np.random.default_rng(0))

MODULE = """
def good(space, names):
    assert space == "nasbench201"
    return [60.0 + len(name) / 100 if i else None for i, name in enumerate(names)]
def short(space, names): return [1.0]
def fraction(space, names): return [700.0] * len(names)
def fails(space, names): raise RuntimeError("no data")
thing = 3
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_accuracy_of_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("own_accuracy_of_test", None)


@pytest.mark.usefixtures("own_module")
def test_a_function_of_the_users_is_a_source_that_may_not_know() -> None:
    source = get_accuracy("own_accuracy_of_test:good", SPACE)
    assert isinstance(source, AccuracySource)
    found = source.accuracy_percent(GENES)
    assert np.isnan(found[0])
    assert (found[1:] > 60).all()


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("own_accuracy_of_test:short", BadInput, "returned 1 values for 3"),
        ("own_accuracy_of_test:fraction", BadInput, "outside 0-100"),
        ("own_accuracy_of_test:fails", BadInput, "RuntimeError: no data"),
        ("own_accuracy_of_test:thing", BadInput, "is not callable"),
        ("own_accuracy_of_test:absent", NotFound, "has no absent"),
        ("no_such_module_here:function", NotFound, "no module 'no_such_module_here'"),
        ("nothing", NotFound, "known: shipped, synflow, naswot"),
        ("acc_predictor.pth", BadInput, "of the space ofa, not of nasbench201"),
    ],
)
@pytest.mark.usefixtures("own_module")
def test_a_source_that_cannot_be_used_says_why(name: str, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        get_accuracy(name, SPACE).accuracy_percent(GENES)


def test_a_table_is_named_by_its_file_and_column(tmp_path: Path) -> None:
    rows = [f"{one},{70 + i},{40 + i}\n" for i, one in enumerate(SPACE.from_genes(GENES))]
    path = tmp_path / "own.csv"
    path.write_text("architecture,accuracy,other\n" + "".join(rows))
    assert get_accuracy(str(path), SPACE).accuracy_percent(GENES).tolist() == [70, 71, 72]
    assert get_accuracy(f"{path}:other", SPACE).accuracy_percent(GENES).tolist() == [40, 41, 42]


@pytest.mark.parametrize("space", ["fbnet", "hat", "ofa-w1.2"])
def test_a_space_that_nothing_ships_for_says_what_to_do(space: str) -> None:
    with pytest.raises(NotFound, match=f"no accuracy model ships for {space}; give a table"):
        get_accuracy("shipped", get_gene_space(space))


@pytest.mark.parametrize("kind", ["synflow", "naswot"])
def test_a_proxy_ranks_a_wide_cell_above_a_poor_one_and_says_what_it_is(kind: str) -> None:
    assert kind in accuracy_names()
    source = get_accuracy(kind, SPACE)
    assert isinstance(source, RankingOnly)
    assert "no accuracy" in source.name
    cells = [
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
        "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|",
    ]
    genes = SPACE.to_genes([SPACE.parse(cell) for cell in cells])
    good, poor = source.accuracy_percent(genes)
    assert good > poor or np.isnan(poor)
    np.testing.assert_array_equal(source.accuracy_percent(genes[:1]), [good])


@pytest.mark.parametrize("space", ["fbnet", "ofa"])
def test_proxies_run_on_every_image_space(space: str) -> None:
    found = get_gene_space(space)
    wanted = sample_genes(found, 1, np.random.default_rng(0))
    if space == "ofa":
        wanted[:, -1] = 0
    assert np.isfinite(Proxy("synflow", found).accuracy_percent(wanted)).all()


def test_proxies_refuse_what_they_do_not_know() -> None:
    hat = get_gene_space("hat")
    with pytest.raises(BadInput, match="networks of one stage"):
        Proxy("synflow", hat).accuracy_percent(sample_genes(hat, 1, np.random.default_rng(0)))
    many = np.zeros((MAX_ARCHITECTURES + 1, 6), dtype=np.int64)
    with pytest.raises(BadInput, match="too many to build"):
        Proxy("naswot", SPACE).accuracy_percent(many)
