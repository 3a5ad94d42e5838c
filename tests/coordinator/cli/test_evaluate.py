"""help-coord evaluate, on good tables and on bad ones."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from help_core.evaluation import Plan, evaluate
from help_core.predictors.training import Trainer
from help_core.spaces import get_gene_space
from help_core.spaces.fbnet import FBNet
from help_core.tables.latency import LatencyTable, read_latency_table
from help_core.tables.parquet import write_latency_parquet
from tests.coordinator.cli.conftest import Coord

SCORES = {
    "spearman",
    "kendall",
    "mape_percent",
    "within_5_percent",
    "within_10_percent",
    "coverage_90",
    "measurements",
    "queries",
    "adapt_ms",
    "predict_ms",
}
DEVICES = ("--train-devices", "a,b,c", "--test-devices", "d,e")


def test_json_holds_every_score_per_device_and_mean(coord: Coord, table_file: Path) -> None:
    done = coord(
        *("evaluate", "--table", table_file, *DEVICES, "--repeats", 2, "--json"),
        *("--predictor", "transfer,ridge,flops"),
    )
    assert (done.code, done.stderr) == (0, "")
    evaluations = json.loads(done.stdout)["evaluations"]
    assert [one["predictor"] for one in evaluations] == ["transfer", "ridge", "flops"]
    for one in evaluations:
        assert one["repeats"] == 2
        assert set(one["mean"]) == SCORES
        assert [device["device"] for device in one["devices"]] == ["d", "e"]
        for device in one["devices"]:
            assert set(device) == SCORES | {"device", "spearman_deviation"}
            assert device["measurements"] == 10
    assert evaluations[0]["mean"]["spearman"] > 0.9


def test_processes_and_this_process_agree(coord: Coord, table_file: Path) -> None:
    arguments = ("evaluate", "--table", table_file, *DEVICES, "--repeats", 3, "--json")
    answers = []
    for executor in ("local", "local:2"):
        done = coord(*arguments, "--executor", executor)
        (one,) = json.loads(done.stdout)["evaluations"]
        answers.append([device["spearman"] for device in one["devices"]])
    assert answers[0] == pytest.approx(answers[1], abs=1e-12)


def test_python_does_the_same_in_three_lines(coord: Coord, table_file: Path) -> None:
    done = coord("evaluate", "--table", table_file, *DEVICES, "--repeats", 2, "--json")
    space = get_gene_space("nasbench201")

    table = read_latency_table(table_file, space)
    plan = Plan(("a", "b", "c"), ("d", "e"), samples=10, repeats=2)
    result = evaluate(space, table, Trainer("transfer", space), plan, time.perf_counter)

    (told,) = json.loads(done.stdout)["evaluations"]
    assert result.mean.spearman == pytest.approx(told["mean"]["spearman"], abs=1e-12)


def test_parquet_gives_what_csv_gives(
    coord: Coord, table_file: Path, small_table: LatencyTable
) -> None:
    parquet = table_file.with_suffix(".parquet")
    write_latency_parquet(parquet, small_table)
    scores = []
    for path in (table_file, parquet):
        done = coord(
            *("evaluate", "--table", path, *DEVICES, "--repeats", 2, "--json"),
            *("--predictor", "layer-wise"),
        )
        scores.append(json.loads(done.stdout)["evaluations"][0]["mean"]["spearman"])
    assert scores[0] == scores[1]


def test_fbnet_tables_name_operations(coord: Coord, tmp_path: Path) -> None:
    space = FBNet()
    rows = [
        f"{one.text},{1 + space.cost(one).multiply_adds / 1e6}"
        for one in space.reference_architectures()
    ]
    assert rows[0].startswith("k3_e1_g2-skip-k5_e3-")
    path = tmp_path / "fbnet.csv"
    path.write_text("\n".join(["architecture,board", *rows]) + "\n")
    done = coord(
        *("evaluate", "--space", "fbnet", "--table", path, "--test-devices", "board"),
        *("--samples", 3, "--repeats", 1, "--predictor", "flops", "--json"),
    )
    (one,) = json.loads(done.stdout)["evaluations"]
    assert one["mean"]["spearman"] == pytest.approx(1)
    assert one["mean"]["measurements"] == 3


def test_the_table_for_people_has_a_line_per_device(coord: Coord, table_file: Path) -> None:
    done = coord("evaluate", "--table", table_file, *DEVICES, "--repeats", 1)
    assert done.code == 0
    assert "transfer: 10 measurements (random)" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[-3:]] == ["d", "e", "mean"]


CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|"
OTHER = CELL.replace("nor_conv_3x3", "nor_conv_1x1")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["arch,a,d", f"{CELL},1,2"], ["row 1", "'architecture'"]),
        (["architecture,a,a", f"{CELL},1,2"], ["row 1", "'a' twice"]),
        (["architecture,a,d", f"{CELL},1,fast"], ["row 2", "column 'd'", "'fast'"]),
        (["architecture,a,d", f"{CELL},-1,2"], ["row 2", "column 'a'", "'-1'"]),
        (["architecture,a,d", f"{CELL},1,0"], ["row 2", "column 'd'", "'0'"]),
        (["architecture,a,d", f"{CELL},1,inf"], ["row 2", "column 'd'", "'inf'"]),
        (
            ["architecture,a,d", f"{CELL},1,2", "|conv~0|,1,2"],
            ["row 3", "column 'architecture'", "|conv~0|"],
        ),
        (
            ["architecture,a,d", f"{CELL},1,2", f"{CELL},1,2"],
            ["row 3", "column 'architecture'", "row 2"],
        ),
        (["architecture,a,d", f"{CELL},1"], ["row 2", "2 fields"]),
        (["architecture,a", f"{CELL},1", f"{OTHER},2"], ["row 1", "one device", "'a'"]),
        (["architecture,a,d", f"{CELL},1,2"], ["column 'd'", "3 support points asked for, 1"]),
        (
            ["architecture,a,d", f"{CELL},1,7", f"{OTHER},2,7"],
            ["column 'd'", "all 2 latencies are 7 ms"],
        ),
        (
            ["architecture,a,d", f"{CELL},7,1", f"{OTHER},7,2"],
            ["column 'a'", "all 2 latencies are 7 ms"],
        ),
        ([], ["empty"]),
    ],
)
def test_a_bad_table_is_one_line_with_file_row_and_column(
    coord: Coord, tmp_path: Path, lines: list[str], words: list[str]
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("".join(line + "\n" for line in lines))
    done = coord(
        *("evaluate", "--table", path, "--train-devices", "a", "--test-devices", "d"),
        *("--samples", 3),
    )
    done.is_one_line(2, str(path), *words)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--test-devices", "z"), 3, ["'z' is not in the latency table", "a, b, c, d, e"]),
        (("--test-devices", "a", "--train-devices", "a"), 2, ["a would be trained on and tested"]),
        (("--test-devices", ","), 2, ["no test device"]),
        (("--test-devices", "d", "--support", "best"), 2, ["'best'", "sequential"]),
        (("--test-devices", "d", "--query", "some"), 2, ["'some'", "all or help"]),
        (("--test-devices", "d", "--predictor", "oracle"), 3, ["'oracle'", "layer-wise"]),
        (("--test-devices", "d", "--predictor", ","), 2, ["--predictor names none"]),
        (("--test-devices", "d", "--predictor", "ridge"), 2, ["at least one training device"]),
        (("--test-devices", "d", "--predictor", "help"), 2, ["give 2 or more, not none"]),
        (("--test-devices", "d", "--space", "mars"), 3, ["'mars'", "nasbench201"]),
        (("--test-devices", "d", "--samples", "0"), 2, ["0 samples"]),
        (("--test-devices", "d", "--executor", "moon"), 2, ["'moon'", "ray://ADDRESS"]),
        (("--test-devices", "d", "--train-architectures", "9999"), 2, ["9999", "the table has"]),
        (("--test-devices", "d", "--device", "abacus"), 2, ["'abacus'", "cpu or cuda"]),
    ],
)
def test_bad_wishes_are_one_line(
    coord: Coord, table_file: Path, arguments: tuple[str, ...], code: int, words: list[str]
) -> None:
    coord("evaluate", "--table", table_file, *arguments).is_one_line(code, *words)


def test_a_missing_file_is_named(coord: Coord, tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    coord("evaluate", "--table", path, *DEVICES).is_one_line(2, str(path), "cannot be read")
