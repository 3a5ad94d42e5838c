"""Images, compose file and alert rules, as far as they can be held without Docker."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram

from coordinator.metrics import Metrics
from coordinator.store import Acknowledgement
from help_core.records import JobState

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "deploy" / "images"
PROMETHEUS = ROOT / "deploy" / "prometheus"
STATES = {"state": {*JobState, "online", "offline"}, "acknowledgement": set(Acknowledgement)}


def _exported() -> set[str]:
    metrics = Metrics()
    names = set()
    for one in vars(metrics).values():
        if isinstance(one, Counter):
            names |= {f"{family.name}_total" for family in one.collect()}
        elif isinstance(one, Histogram):
            families = list(one.collect())
            names |= {f"{f.name}_{end}" for f in families for end in ("bucket", "sum", "count")}
        elif hasattr(one, "collect") and one is not metrics.registry:
            names |= {family.name for family in one.collect()}
    return names


def _rules() -> list[dict[str, Any]]:
    content = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_and_states_that_a_coordinator_exports(
    rule: dict[str, Any],
) -> None:
    expression = rule["expr"]
    asked = set(re.findall(r"help_[a-z_]+", expression))
    assert asked <= _exported()
    assert asked or "up{" in expression
    for label, value in re.findall(r'(\w+)="([^"]*)"', expression):
        assert label == "job" or value in STATES[label]
    assert rule["annotations"]["summary"]


def test_prometheus_scrapes_the_port_that_the_image_serves() -> None:
    content = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    (scrape,) = content["scrape_configs"]
    assert scrape["static_configs"][0]["targets"] == ["coordinator:9464"]
    assert "0.0.0.0:9464" in (IMAGES / "coordinator.Dockerfile").read_text()
    assert all((PROMETHEUS / name).is_file() for name in content["rule_files"])


def _instructions() -> list[tuple[str, str]]:
    lines = (IMAGES / "coordinator.Dockerfile").read_text().splitlines()
    kept = [line for line in lines if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in kept]


def test_the_image_copies_what_is_there_and_all_that_the_wheel_packs() -> None:
    copied = [words.split() for kind, words in _instructions() if kind == "COPY"]
    sources = {word for words in copied for word in words[:-1] if not words[0].startswith("--")}
    assert all((ROOT / source).exists() for source in sources)
    assert {"help_core", "agent", "coordinator", "deploy", "proto", "pyproject.toml"} <= sources


def test_the_image_does_not_run_as_root_and_says_whether_it_is_ready() -> None:
    instructions = _instructions()
    kinds = [kind for kind, _ in instructions]
    user = next(words for kind, words in instructions if kind == "USER")
    assert user.split(":")[0] not in ("0", "root")
    assert kinds.index("USER") < kinds.index("ENTRYPOINT")
    assert "readyz" in next(words for kind, words in instructions if kind == "HEALTHCHECK")


def test_the_image_installs_extras_that_the_project_has() -> None:
    (install,) = [words for kind, words in _instructions() if "pip install" in words]
    (extras,) = re.findall(r"\.\[([^\]]+)\]", install)
    text = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = \[", text, re.MULTILINE) for extra in extras.split(","))
    assert shlex.split(install)[-1] == f".[{extras}]"


def _compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((IMAGES / "compose.yaml").read_text())
    return content


def test_the_compose_file_refers_only_to_what_it_declares() -> None:
    content = _compose()
    assert set(content) <= {"name", "services", "secrets", "volumes", "networks", "configs"}
    for service in content["services"].values():
        assert set(service.get("depends_on", ())) <= set(content["services"])
        assert set(service.get("secrets", ())) <= set(content["secrets"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            path = (IMAGES / source).resolve()
            assert source in content["volumes"] or path.is_dir()
        build = service.get("build")
        if build:
            context = (IMAGES / build["context"]).resolve()
            assert context == ROOT
            assert (context / build["dockerfile"]).is_file()


def test_no_secret_is_in_the_compose_file_and_every_service_is_watched() -> None:
    content = _compose()
    for name, service in content["services"].items():
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or str(value).startswith("/run/secrets/")
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value))
        # The coordinator's own check is in its image.
        assert "healthcheck" in service or name == "coordinator"
        assert service["restart"] == "unless-stopped"
        assert "no-new-privileges:true" in service["security_opt"]
    assert "secrets/" in (IMAGES / ".gitignore").read_text().splitlines()


def test_the_entrypoint_takes_the_password_from_a_file(tmp_path: Path) -> None:
    program = tmp_path / "help-coord"
    program.write_text('#!/bin/sh\nprintf "%s|" "$PGPASSWORD" "$@"\n')
    program.chmod(0o755)
    secret = tmp_path / "secret"
    secret.write_text("a 'b' $c\n")
    done = subprocess.run(
        ["sh", str(IMAGES / "entrypoint.sh"), "serve", "a b"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PGPASSWORD_FILE": str(secret)},
    )
    assert done.stdout == "a 'b' $c|serve|a b|"
