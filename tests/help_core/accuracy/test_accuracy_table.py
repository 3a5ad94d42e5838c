from pathlib import Path

import numpy as np
import pytest

from help_core.accuracy import AccuracySource
from help_core.accuracy.table import read_accuracy_csv
from help_core.errors import BadTable
from help_core.spaces.nasbench201 import NasBench201

SPACE = NasBench201()
FIRST = "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
SECOND = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_gives_the_accuracy_of_each_architecture_and_nan_where_unknown(tmp_path: Path) -> None:
    source = read_accuracy_csv(
        write(tmp_path, "architecture,accuracy", f"{FIRST},51.25", f"nasbench201:{SECOND},"), SPACE
    )
    cells = [SPACE.parse(FIRST), SPACE.parse(SECOND), *SPACE.reference_architectures()[2:3]]
    accuracy = source.accuracy_percent(SPACE.to_genes(cells))
    np.testing.assert_array_equal(accuracy, [51.25, np.nan, np.nan])
    assert isinstance(source, AccuracySource)
    assert source.name == "table.csv:accuracy"


def test_reads_the_named_column_and_passes_over_the_others(tmp_path: Path) -> None:
    path = write(tmp_path, "index,architecture,cifar10,cifar100", f"0,{FIRST},90.5,70.5")
    source = read_accuracy_csv(path, SPACE, "cifar100")
    assert source.accuracy_percent(SPACE.to_genes([SPACE.parse(FIRST)])).tolist() == [70.5]


def test_genotypes_of_another_integer_type_are_found(tmp_path: Path) -> None:
    source = read_accuracy_csv(write(tmp_path, "architecture,accuracy", f"{FIRST},51.25"), SPACE)
    genes = SPACE.to_genes([SPACE.parse(FIRST)]).astype(np.int32)
    assert source.accuracy_percent(genes).tolist() == [51.25]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["architecture,top1", f"{FIRST},70"],
            r"row 1 has no column 'accuracy'; name one of: top1",
        ),
        (["architecture", FIRST], r"name one of: none"),
        (
            ["architecture,accuracy", f"{FIRST},170"],
            r"row 2, column 'accuracy': '170' is not a per",
        ),
        (["architecture,accuracy", f"{FIRST},-1"], r"row 2, column 'accuracy': '-1'"),
        (["architecture,accuracy", f"{FIRST},nan"], r"row 2, column 'accuracy': 'nan'"),
        (["architecture,accuracy", f"{FIRST},high"], r"row 2, column 'accuracy': 'high'"),
        (["architecture,accuracy", f"{FIRST},70", "|x~0|,60"], r"row 3, column 'architecture': "),
        (["architecture,accuracy", f"{FIRST},7", f"{FIRST},8"], r"row 3 repeats the arch.* row 2"),
        (["architecture,accuracy", f"{FIRST},0.71", f"{SECOND},0.6"], r"write accuracy in percent"),
        (["architecture,accuracy", f"{FIRST},"], r"column 'accuracy' has no number in any row"),
        (["architecture,accuracy"], r"column 'accuracy' has no number in any row"),
    ],
)
def test_a_bad_table_is_one_line_that_names_the_place(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    path = write(tmp_path, *lines)
    with pytest.raises(BadTable, match=message) as caught:
        read_accuracy_csv(path, SPACE)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.reference
def test_reads_the_published_benchmark(reference_data: Path) -> None:
    path = reference_data / "nasbench201" / "accuracy.csv"
    accuracy = read_accuracy_csv(path, SPACE, "cifar100_test_accuracy").accuracy_percent(
        SPACE.all_genes()
    )
    assert np.isfinite(accuracy).all()
    assert accuracy.max() == pytest.approx(73.51, abs=0.01)
