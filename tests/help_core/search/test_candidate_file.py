"""Lists and tables of candidates."""

from __future__ import annotations

from pathlib import Path

import pytest

from help_core.errors import BadTable
from help_core.search.candidate_file import read_candidates
from help_core.spaces import get_space

CELLS = [str(one) for one in get_space("nasbench201").reference_architectures()]
SUBNETS = [str(one) for one in get_space("ofa").reference_architectures()]


def write(folder: Path, text: str) -> Path:
    path = folder / "candidates.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("space", "names"), [("nasbench201", CELLS), ("ofa", SUBNETS)])
def test_a_list_holds_one_architecture_a_line(tmp_path: Path, space: str, names: list[str]) -> None:
    path = write(tmp_path, "\n".join([*names, "", names[0].partition(":")[2]]) + "\n")
    assert [str(one) for one in read_candidates(path, get_space(space))] == names


def test_metad2as_form_is_a_number_and_then_fields_after_the_architecture(tmp_path: Path) -> None:
    text = "116.99\n" + "".join(f"{name.partition(':')[2]}, 72.4, 0.001\n" for name in CELLS)
    found = read_candidates(write(tmp_path, text), get_space("nasbench201"))
    assert [str(one) for one in found] == CELLS


def test_a_table_names_its_column(tmp_path: Path) -> None:
    text = "id,architecture\n" + "".join(f'{row},"{name}"\n' for row, name in enumerate(SUBNETS))
    assert [str(one) for one in read_candidates(write(tmp_path, text), get_space("ofa"))] == SUBNETS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{CELLS[0]}\n{SUBNETS[0]}\n", r"candidates\.txt: line 2: "),
        (f"{CELLS[0]}\n7.5\n", r"candidates\.txt: line 2: "),
        (f"architecture\n{CELLS[0]}\nnonsense\n", r"candidates\.txt: row 3, column 'architecture'"),
        ("\n\n", r"holds no architecture"),
        ("5\n", r"holds no architecture"),
    ],
)
def test_what_is_no_architecture_is_named_by_file_and_line(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(BadTable, match=words):
        read_candidates(write(tmp_path, text), get_space("nasbench201"))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=r"none\.txt: cannot be read"):
        read_candidates(tmp_path / "none.txt", get_space("ofa"))
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadTable, match="not text in UTF-8"):
        read_candidates(binary, get_space("ofa"))


@pytest.mark.reference
def test_metad2as_own_list_is_read(reference_data: Path) -> None:
    path = reference_data / "help" / "nasbench201" / "arch_generated_by_metad2a.txt"
    assert len(read_candidates(path, get_space("nasbench201"))) > 300
