import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import onnx
import pytest

from help_core.errors import BadInput
from help_core.records import Answer, Board, Device, Settings
from help_core.report import Facts, Phase, answer_from_json, render_page, write_report
from help_core.report.pictures import agreement_picture, front_picture, time_picture
from help_core.report.svg import Scale, padded
from tests.answers import make_answer

FACTS = Facts(
    command="help-coord adapt --device board-1",
    phases=(Phase("measure", 61.0), Phase("adapt", 2.5), Phase("confirm", 29.5)),
    device=Device("board-1", Board("pi", "Raspberry Pi 4", "BCM2711"), Settings(threads=4)),
    versions={"help-fleet": "0.0"},
    artefact_sha256="ab" * 32,
    jobs={},
    written_at="2026-01-02 03:04 UTC",
)


class _Page(HTMLParser):
    VOID = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def answer() -> Answer:
    return make_answer()


def parse_svg(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - what was drawn a line above


def read_page(page: str) -> _Page:
    parser = _Page()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_the_page_stands_alone_and_shows_three_pictures(answer: Answer) -> None:
    page = render_page(answer, FACTS)
    found = read_page(page)
    assert found.seen.count("svg") == 3
    assert found.addresses == []
    assert "script" not in found.seen
    for pick in answer.picks:
        assert pick.architecture in page
    assert "Raspberry Pi 4" in page
    assert FACTS.artefact_sha256 in page


def test_what_came_from_elsewhere_is_escaped(answer: Answer) -> None:
    trap = '<script>alert("x")</script>'
    page = render_page(replace(answer, notes=(trap,), device=trap, accuracy_source=trap), FACTS)
    assert "script" not in read_page(page).seen
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("picture", ["front", "agreement", "time"])
def test_a_picture_is_xml_whose_marks_lie_inside(answer: Answer, picture: str) -> None:
    drawn = {
        "front": front_picture(answer),
        "agreement": agreement_picture(answer),
        "time": time_picture(FACTS),
    }[picture]
    root = parse_svg(drawn)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    circles = list(root.iter("circle"))
    assert picture == "time" or len(circles) > 10
    for circle in circles:
        assert 0 <= float(circle.attrib["cx"]) <= width
        assert 0 <= float(circle.attrib["cy"]) <= height


def test_the_front_shows_each_winner_where_it_was_measured(answer: Answer) -> None:
    root = parse_svg(front_picture(answer))
    winners = [one for one in root.iter("circle") if one.attrib["class"] == "winner"]
    assert len(winners) == len(answer.picks)
    places = [float(one.attrib["cx"]) for one in winners]
    assert places == sorted(places)
    unmeasured = replace(answer, picks=tuple(replace(p, measured_ms=None) for p in answer.picks))
    drawn = parse_svg(front_picture(unmeasured))
    assert {one.attrib["class"] for one in drawn.iter("circle")} == {"cloud", "unmeasured"}


def test_without_accuracies_the_page_has_no_front_but_the_rest() -> None:
    answer = make_answer("fbnet", 40)
    assert front_picture(answer) == ""
    page = render_page(answer, Facts())
    assert read_page(page).seen.count("svg") == 1
    assert "no source for this space" in page


def test_the_folder_holds_page_answer_architectures_and_networks(
    answer: Answer, tmp_path: Path
) -> None:
    files = {path.name for path in write_report(answer, tmp_path / "kept", FACTS)}
    assert files == {path.name for path in (tmp_path / "kept").iterdir()}
    assert files == {
        "report.html",
        "answer.json",
        "architecture-1.json",
        "architecture-1.onnx",
        "architecture-2.json",
        "architecture-2.onnx",
    }
    onnx.checker.check_model(onnx.load(tmp_path / "kept" / "architecture-1.onnx"))
    kept = json.loads((tmp_path / "kept" / "architecture-1.json").read_text())
    assert kept["architecture"] == answer.picks[0].architecture
    assert kept["provenance"]["artefact_sha256"] == FACTS.artefact_sha256
    assert len(kept["provenance"]["measurements"]) == 12


def test_an_ofa_winner_comes_with_its_own_configuration(tmp_path: Path) -> None:
    answer = make_answer("ofa", 30)
    files = {path.name for path in write_report(answer, tmp_path, Facts())}
    assert "architecture-1.config.json" in files
    config = json.loads((tmp_path / "architecture-1.config.json").read_text())
    assert sorted(config) == ["d", "e", "ks", "r"]


def test_an_answer_comes_back_from_its_json(answer: Answer) -> None:
    assert answer_from_json(json.loads(json.dumps(asdict(answer)))) == answer


def _broken(answer: Answer) -> Iterator[tuple[object, str]]:
    content = json.loads(json.dumps(asdict(answer)))
    yield [], "answer is not an object"
    yield {k: v for k, v in content.items() if k != "picks"}, "answer has no picks"
    yield content | {"elapsed_s": "long"}, r"answer\.elapsed_s is 'long', not a float"
    support = [content["support"][0] | {"verdict": "maybe"}]
    yield content | {"support": support}, r"answer\.support\[0\]\.verdict is 'maybe'"


def test_json_that_is_no_answer_is_refused_by_field(answer: Answer) -> None:
    for content, message in _broken(answer):
        with pytest.raises(BadInput, match=message):
            answer_from_json(content)


def test_a_scale_has_round_ticks_inside_it() -> None:
    assert Scale(0.0, 1.0, 0.0, 100.0).ticks(5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    log = Scale(1.0, 100.0, 0.0, 100.0, is_log=True)
    assert log.at(10.0) == pytest.approx(50.0)
    assert all(1.0 <= tick <= 100.0 for tick in log.ticks(6))
    low, high = padded([3.0, 3.0], 0.05)
    assert low < 3.0 < high
