import json
from dataclasses import asdict
from pathlib import Path

import pytest

from coordinator.cli.report import PhaseTimes
from help_core.records import Progress
from help_core.spaces import get_space
from help_core.spaces.configuration import configuration, read_architecture
from tests.answers import make_answer
from tests.coordinator.cli.conftest import Coord

OFA = "ofa:r176;d2,3,3,3,3;k53,333,775,553,333;e33,664,443,644,664"


def test_an_architecture_is_described_with_its_accuracy_and_doubt(coord: Coord) -> None:
    done = coord("describe", OFA, "--json")
    content = json.loads(done.stdout)
    assert content["architecture"] == OFA
    assert (
        content["multiply_adds"]
        == get_space("ofa").cost(read_architecture(OFA, "ofa")).multiply_adds
    )
    assert 70 < content["accuracy"]["percent"] < 77
    assert content["accuracy"]["deviation_percent"] > 0
    assert content["configuration"]["r"] == [176]


def test_a_proxy_is_shown_as_a_score_and_not_as_percent(coord: Coord) -> None:
    cell = "nasbench201:|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
    content = json.loads(coord("describe", cell, "--accuracy", "synflow", "--json").stdout)
    assert set(content["accuracy"]) == {"source", "score"}
    assert "no accuracy" in content["accuracy"]["source"]


def test_hat_says_that_nothing_tells_its_accuracy_and_writes_its_own_file(
    coord: Coord, tmp_path: Path
) -> None:
    space = get_space("hat")
    for architecture in space.reference_architectures():
        out = tmp_path / "net.yml"
        done = coord("describe", str(architecture), "--out", str(out))
        assert "no source for this space" in done.stdout
        assert read_architecture(str(out), "hat") == architecture


def test_every_configuration_of_ofa_reads_back(tmp_path: Path) -> None:
    space = get_space("ofa")
    for architecture in space.reference_architectures():
        written = configuration(space, architecture)
        assert written is not None
        (tmp_path / "net.json").write_text(written[1])
        assert read_architecture(str(tmp_path / "net.json"), "ofa") == architecture


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ofa:r999"], 2, ["r999"]),
        (["nospace:x"], 3, ["unknown search space"]),
        ([OFA, "--accuracy", "nothing"], 3, ["known: shipped"]),
        ([OFA, "--out", "x.yml"], 2, [".json"]),
        ([OFA, "--accuracy", "absent.pth"], 2, ["absent.pth"]),
    ],
)
def test_what_cannot_be_described_is_one_line(
    coord: Coord, arguments: list[str], code: int, words: list[str]
) -> None:
    coord("describe", *arguments).is_one_line(code, *words)


def test_an_answer_on_disk_becomes_a_folder(coord: Coord, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps(asdict(make_answer())))
    done = coord("report", str(answer), "--out", str(tmp_path / "kept"), "--json")
    files = json.loads(done.stdout)["files"]
    assert all(Path(file).is_file() for file in files)
    assert str(tmp_path / "kept" / "report.html") in files
    again = coord("report", str(tmp_path / "kept" / "answer.json"), "--out", str(tmp_path / "b"))
    assert again.code == 0, again.stderr


@pytest.mark.parametrize(("content", "word"), [("{", "not JSON"), ("{}", "has no device")])
def test_a_file_that_is_no_answer_is_one_line(
    coord: Coord, tmp_path: Path, content: str, word: str
) -> None:
    path = tmp_path / "answer.json"
    path.write_text(content)
    coord("report", str(path), "--out", str(tmp_path / "x")).is_one_line(2, "answer.json", word)


def test_the_time_until_an_event_belongs_to_the_phase_before_it() -> None:
    clock = iter([0.0, 1.0, 4.0, 9.0])
    times = PhaseTimes(lambda: next(clock))
    events = [Progress("measure", 0, 1, ""), Progress("adapt", 0, 1, ""), make_answer(count=20)]
    assert list(times.follow(iter(events))) == events
    assert [(one.name, one.seconds) for one in times.phases()] == [
        ("connect", 1.0),
        ("measure", 3.0),
        ("adapt", 5.0),
    ]
