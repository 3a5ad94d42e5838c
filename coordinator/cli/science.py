"""evaluate, meta-train: on tables, without a coordinator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from coordinator.cli.options import AsJson, Space
from coordinator.cli.progress import Watcher, watching
from help_core.errors import BadInput, BadTable, NotFound
from help_core.evaluation import Evaluation, Plan, evaluate
from help_core.evaluation.records import QuerySet, SupportStrategy
from help_core.executor import open_executor
from help_core.predictors.help.meta_train import Progress
from help_core.predictors.training import Trainer
from help_core.spaces import get_gene_space
from help_core.tables.latency import LatencyTable, read_latency_table
from help_proto.console import print_json

Executor = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="WHERE",
        help="Where independent parts run: local (here), local:N (N processes) or"
        " ray://HOST:PORT (a Ray cluster; ray://local starts one).",
    ),
]
TorchDevice = Annotated[
    str, typer.Option("--device", help="Where meta-learners are trained: cpu or cuda.")
]
TableFile = Annotated[
    Path,
    typer.Option(
        "--table", help="Latency table, CSV or Parquet: architecture, then a column per device."
    ),
]


def evaluate_command(
    table: TableFile,
    test_devices: Annotated[
        str, typer.Option(metavar="A,B", help="Columns that the predictor is adapted to.")
    ],
    train_devices: Annotated[
        str, typer.Option(metavar="A,B", help="Columns that the predictor is trained on.")
    ] = "",
    space: Space = "nasbench201",
    samples: Annotated[int, typer.Option(help="Measurements of a test device.")] = 10,
    support: Annotated[
        str, typer.Option(help="How they are chosen: random, reference, design or sequential.")
    ] = "random",
    repeats: Annotated[int, typer.Option(help="Supports for each test device.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
    train_architectures: Annotated[
        int,
        typer.Option(min=0, help="Train on and measure among the first so many rows; 0: all."),
    ] = 0,
    query: Annotated[
        str,
        typer.Option(
            help="What is scored: all rows, or help: the next 1,000 without the fastest and"
            " slowest tenth."
        ),
    ] = "all",
    predictor: Annotated[
        str, typer.Option(metavar="NAME,NAME", help="Predictors to compare.")
    ] = "transfer",
    episodes: Annotated[
        int, typer.Option(min=0, help="Episodes of the meta-learners; 0: as many as is usual.")
    ] = 0,
    device: TorchDevice = "cpu",
    executor: Executor = "local",
    as_json: AsJson = False,
) -> None:
    """Score predictors on devices of a latency table that they were not trained on.

    Each predictor is trained on the training columns alone, not loaded as it ships; of a test
    device it is given the measurements of the support set and nothing else. flops, layer-wise
    and brp-nas know no other device.
    """
    plan = Plan(
        train_devices=split_names(train_devices),
        test_devices=split_names(test_devices),
        samples=samples,
        support=cast(SupportStrategy, support),
        query=cast(QuerySet, query),
        repeats=repeats,
        seed=seed,
        train_architectures=train_architectures or None,
    )
    found = get_gene_space(space)
    torch_device = checked_torch_device(device)
    names = split_names(predictor)
    if not names:
        raise BadInput("--predictor names none; give one or more, for example transfer,ridge")
    with open_executor(executor) as where, watching() as watcher:
        trainers = [
            Trainer(name, found, seed, episodes or None, torch_device, meta_progress(watcher, name))
            for name in names
        ]
        watcher.show("table", 0, 1, f"reading {table.name}")
        content = read_latency_table(table, found)
        watcher.show("table", 1, 1, f"{table.name}: {len(content.architectures)} architectures")
        with naming(table):
            _check_devices(content, plan)
            results = [
                evaluate(
                    found,
                    content,
                    trainer,
                    plan,
                    time.perf_counter,
                    executor=where,
                    on_progress=watcher.follow(f"adapting {trainer.name}"),
                )
                for trainer in trainers
            ]
    if as_json:
        print_json({"table": str(table), "evaluations": [one.to_json() for one in results]})
    else:
        for result in results:
            Console().print(_scores_table(result))


def split_names(text: str) -> tuple[str, ...]:
    """Names joined by commas, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def checked_torch_device(name: str) -> str:
    """``cpu``, or ``cuda`` if there is one; raises ``BadInput``."""
    if name not in ("cpu", "cuda"):
        raise BadInput(f"--device {name!r} is unknown; use cpu or cuda")
    if name == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise BadInput("--device cuda: PyTorch finds no CUDA device here; use --device cpu")
    return name


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Puts the table's name before what is wrong with it."""
    try:
        yield
    except (BadInput, NotFound) as error:
        if str(error).startswith(str(path)):
            raise
        raise type(error)(f"{path}: {error}") from None


def meta_progress(watcher: Watcher, name: str) -> Callable[[Progress], None]:
    """Shows the episodes of a meta-training."""

    def show(progress: Progress) -> None:
        text = f"meta-training {name}, best validation Spearman {progress.best_spearman:.3f}"
        watcher.show(f"train {name}", progress.episode, progress.episodes, text)

    return show


def _check_devices(table: LatencyTable, plan: Plan) -> None:
    if len(table.devices) == 1 and plan.train_devices:
        raise BadTable(
            f"row 1 names one device, {table.devices[0]!r}; training on one and testing on"
            " another needs two or more"
        )


def _scores_table(result: Evaluation) -> Table:
    title = (
        f"{result.predictor}: {result.samples} measurements ({result.support}),"
        f" mean of {result.repeats}"
    )
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("device", overflow="fold", min_width=13)
    headers = ("Spear-\nman", "Ken-\ndall", "MAPE\n%", "within\n5 %", "within\n10 %", "90 %\nholds")
    for name in (*headers, "meas-\nured", "adapt\nms", "predict\nms"):
        table.add_column(name, justify="right")
    content = result.to_json()
    for one in (*content["devices"], {"device": "mean", **content["mean"]}):
        table.add_row(
            one["device"],
            f"{one['spearman']:.3f}",
            f"{one['kendall']:.3f}",
            f"{one['mape_percent']:.1f}",
            f"{one['within_5_percent']:.2f}",
            f"{one['within_10_percent']:.2f}",
            f"{one['coverage_90']:.2f}",
            f"{one['measurements']:g}",
            f"{one['adapt_ms']:.0f}",
            f"{one['predict_ms']:.0f}",
        )
    return table
