"""meta-train: predictors learned from tables and from what the fleet measured."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.cli.fleet import default_store
from coordinator.cli.options import AsJson, Space
from coordinator.cli.progress import Watcher, watching
from coordinator.cli.science import (
    Executor,
    TorchDevice,
    checked_torch_device,
    meta_progress,
    naming,
    split_names,
)
from coordinator.cli.tables import table_of_store
from help_core.errors import BadInput, NotFound, StoreError
from help_core.evaluation import Plan, evaluate
from help_core.executor import Executor as Where
from help_core.executor import InProcess, open_executor
from help_core.predictors.artefacts import TRAINABLE, artefact_name
from help_core.predictors.help.checkpoint import save_checkpoint
from help_core.predictors.meta_learning import MetaResult, MetaRun, meta_learn
from help_core.predictors.transfer.artefact import Provenance, save_knowledge, table_digest
from help_core.predictors.transfer.predictor import TransferPredictor
from help_core.records import TableOrigin
from help_core.spaces import GeneSpace, get_gene_space
from help_core.tables.join import join_tables
from help_core.tables.latency import LatencyTable, read_latency_table
from help_proto.console import print_json

SEED = 1
VALIDATION_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What to train, on what, and where it goes."""

    predictor: str
    space: GeneSpace
    table: LatencyTable
    devices: tuple[str, ...]
    validation: tuple[str, ...]
    seeds: tuple[int, ...]
    episodes: int
    train_architectures: int
    torch_device: str
    out: Path
    resume: bool


def meta_train_command(
    space: Space = "nasbench201",
    table: Annotated[
        Path | None,
        typer.Option(help="Latency table, CSV or Parquet: architecture, then a column per device."),
    ] = None,
    from_store: Annotated[
        bool, typer.Option("--from-store", help="Learn from what the fleet's store holds.")
    ] = False,
    store: Annotated[
        str,
        typer.Option(
            envvar="HELP_STORE",
            help="The store of --from-store: a path or URL, as of 'help-coord serve'."
            " Default: the same as of serve.",
            show_default=False,
        ),
    ] = "",
    predictor: Annotated[str, typer.Option(help=", ".join(TRAINABLE) + ".")] = "transfer",
    devices: Annotated[
        str, typer.Option(metavar="A,B", help="Devices to learn from. Default: all others.")
    ] = "",
    validation_devices: Annotated[
        str,
        typer.Option(
            metavar="C,D",
            help="Devices that the best episode is picked by. Default: every fourth; none for"
            " transfer, which has nothing to pick.",
        ),
    ] = "",
    episodes: Annotated[int, typer.Option(min=0, help="0: as many as is usual.")] = 0,
    train_architectures: Annotated[
        int, typer.Option(min=0, help="Learn from the first so many rows; 0: as is usual.")
    ] = 0,
    seed: Annotated[
        list[int] | None,
        typer.Option(help=f"May be repeated; the best is kept. Default: {SEED}."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write. Default: PREDICTOR-SPACE.safetensors here."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the same command was broken off.")
    ] = False,
    device: TorchDevice = "cpu",
    executor: Executor = "local",
    as_json: AsJson = False,
) -> None:
    """Train a predictor on latency tables, on the fleet's own measurements, or on both.

    Writes the numbers and, beside them, a JSON file that says where they come from. Use them
    with 'help-coord serve --predictors FOLDER'. Ctrl-C stops; --resume goes on.
    """
    if predictor not in TRAINABLE:
        raise NotFound(f"unknown predictor {predictor!r}; can be trained: {', '.join(TRAINABLE)}")
    if table is None and not from_store:
        raise BadInput("nothing to learn from: give --table FILE, --from-store, or both")
    found = get_gene_space(space)
    torch_device = checked_torch_device(device)
    path = out or Path(artefact_name(predictor, space))
    if path.suffix != ".safetensors":
        raise BadInput(f"--out {path}: must end in .safetensors; the JSON goes beside it")
    began = time.perf_counter()
    with open_executor(executor) as where, watching() as watcher:
        watcher.show("table", 0, 1, "reading latencies")
        content = _read(found, table, (store or default_store()) if from_store else None)
        watcher.show("table", 1, 1, f"{len(content.architectures)} architectures")
        order = Order(
            predictor,
            found,
            content,
            split_names(devices),
            split_names(validation_devices),
            tuple(seed or [SEED]),
            episodes,
            train_architectures,
            torch_device,
            path,
            resume,
        )
        with naming(table or Path(store or default_store())):
            order = _checked(order)
            train = _train_transfer if predictor == "transfer" else _train_meta
            report = train(order, where, watcher)
    report |= {"artefact": str(path), "seconds": round(time.perf_counter() - began, 3)}
    if as_json:
        print_json(report)
    else:
        _show(report)


def _read(space: GeneSpace, file: Path | None, store_url: str | None) -> LatencyTable:
    """The table of the file, of the store, or both joined."""
    tables = []
    if file is not None:
        tables.append(read_latency_table(file, space))
    if store_url is not None:
        # SQLAlchemy is only needed here.
        from coordinator.store import open_store

        if "://" not in store_url and not Path(store_url).exists():
            raise StoreError(f"--store {store_url}: is not there; give that of 'help-coord serve'")
        store = open_store(store_url)
        try:
            rows = store.rows(space.name, [], TableOrigin.BOTH)
        finally:
            store.close()
        if not rows and file is None:
            raise NotFound(f"{store_url}: holds no latencies of {space.name} yet")
        if rows:
            tables.append(table_of_store(rows, space))
    return tables[0] if len(tables) == 1 else join_tables(*tables)


def _checked(order: Order) -> Order:
    """With the training devices spelled out; raises for unknown or doubly used ones."""
    for name in (*order.devices, *order.validation):
        order.table.column(name)
    both = sorted(set(order.devices) & set(order.validation))
    if both:
        raise BadInput(f"{both[0]} would be trained and validated on; name it once")
    rest = tuple(name for name in order.table.devices if name not in order.validation)
    return replace(order, devices=order.devices or rest)


def _train_transfer(order: Order, where: Where, watcher: Watcher) -> dict[str, Any]:
    """In closed form: no episodes, no seed. Validation devices are only scored."""
    rows = order.train_architectures or len(order.table.architectures)
    if rows > len(order.table.architectures):
        raise BadInput(
            f"{rows} training architectures asked for, the table has"
            f" {len(order.table.architectures)}"
        )
    chosen = order.table.select(order.devices)
    part = replace(
        chosen, architectures=chosen.architectures[:rows], latency_ms=chosen.latency_ms[:rows]
    )
    watcher.show("train", 0, 1, "learning transfer")
    predictor = TransferPredictor.train(order.space, part)
    watcher.show("train", 1, 1, "learning transfer")
    validation: dict[str, float] = {}
    if order.validation:
        plan = Plan(order.devices, order.validation, support="design", repeats=VALIDATION_REPEATS)
        scores = evaluate(
            order.space,
            order.table,
            lambda _: predictor,
            plan,
            time.perf_counter,
            executor=where,
            on_progress=watcher.follow("validating"),
        )
        validation = {one.device: round(one.scores.spearman, 4) for one in scores.devices}
    provenance = Provenance(
        space=order.space.name,
        training_devices=order.devices,
        architectures=rows,
        data_sha256=table_digest(part),
        validation=validation,
        command=_command(order),
    )
    _write(order.out, lambda: save_knowledge(order.out, predictor.knowledge, provenance))
    return {"predictor": order.predictor, **asdict(provenance)}


def _train_meta(order: Order, where: Where, watcher: Watcher) -> dict[str, Any]:
    """One run for each seed; the one that validates best is kept."""
    runs = [_run(order, seed) for seed in order.seeds]
    states = [run.state_file for run in runs if run.state_file is not None]
    if not order.resume:
        for state in states:
            state.unlink(missing_ok=True)
    here = isinstance(where, InProcess)
    learn = partial(meta_learn, on_progress=meta_progress(watcher, order.predictor))
    results: list[MetaResult] = []
    text = f"meta-training {order.predictor}, seeds done"
    watcher.show("seeds", 0, len(runs), text)
    for _, result in where.map(learn if here else meta_learn, runs):
        results.append(result)
        watcher.show("seeds", len(results), len(runs), text)
    best = max(results, key=lambda result: result.mean_spearman)
    record = replace(best.record, command=_command(order))
    _write(order.out, lambda: save_checkpoint(order.out, best.learner, record))
    for state in states:
        state.unlink(missing_ok=True)
    return {
        "predictor": order.predictor,
        "space": record.space,
        "training_devices": record.training_devices,
        "validation_devices": record.validation_devices,
        "validation": record.spearman,
        "seed": record.seed,
        "episode": record.episode,
        "episodes": record.settings.episodes,
        "seeds": {str(one.record.seed): one.mean_spearman for one in results},
        "data_sha256": record.data_sha256,
        "command": record.command,
    }


def _run(order: Order, seed: int) -> MetaRun:
    return MetaRun(
        order.predictor,
        order.space,
        order.table.select((*order.devices, *order.validation)),
        validation_devices=order.validation,
        seed=seed,
        episodes=order.episodes or None,
        train_architectures=order.train_architectures or None,
        torch_device=order.torch_device,
        state_file=order.out.with_name(f"{order.out.stem}.seed{seed}.state").resolve(),
    )


def _command(order: Order) -> str:
    """What to type to make the artefact again, given the same latencies."""
    parts = ["help-coord meta-train", f"--space {order.space.name}"]
    parts += [f"--predictor {order.predictor}", f"--devices {','.join(order.devices)}"]
    if order.validation:
        parts.append(f"--validation-devices {','.join(order.validation)}")
    if order.train_architectures:
        parts.append(f"--train-architectures {order.train_architectures}")
    if order.predictor != "transfer":
        parts += [f"--episodes {order.episodes}"] if order.episodes else []
        parts += [f"--seed {seed}" for seed in order.seeds]
    return " ".join(parts)


def _write(path: Path, save: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save()
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from None


def _show(report: dict[str, Any]) -> None:
    console = Console()
    console.print(
        f"{report['predictor']} for {report['space']}, trained on"
        f" {len(report['training_devices'])} device(s) in {report['seconds']:.0f} s:"
        f" {report['artefact']}",
        highlight=False,
        soft_wrap=True,
    )
    for name, spearman in report["validation"].items():
        console.print(f"  {name}: Spearman {spearman:.3f}", highlight=False, soft_wrap=True)
