"""The pages in a real browser: started, watched, lost, found again, read aloud."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.e2e.made_table import write_made_table
from tests.e2e.processes import is_online, replay_agent, wait_for
from tests.lab.browser import (
    START_S,
    WORK_S,
    Lab,
    axe_source,
    chromium,
    look,
    make_lab,
    start_adapt,
    state_of,
)

pytestmark = pytest.mark.lab

BAD = ("serious", "critical")


@pytest.fixture(scope="module")
def replay_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with the device ``board``."""
    return write_made_table(tmp_path_factory.mktemp("table") / "table.csv")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, replay_table: Path) -> Iterator[Lab]:
    """A coordinator with a replay board."""
    made = make_lab(tmp_path_factory.mktemp("lab"))
    with (
        made.coordinator(),
        replay_agent(made.folder / "agent", made.listen, replay_table, "board"),
    ):
        wait_for(lambda: is_online(made.listen, "board"), START_S)
        yield made


def test_an_adapt_is_started_watched_without_reload_and_taken_away(
    lab: Lab, tmp_path: Path
) -> None:
    with chromium(tmp_path) as browser:
        start_adapt(browser, lab, "board", 100)
        seen: dict[str, str] = {}

        def is_done() -> bool:
            state, words = state_of(browser)
            seen[words] = state
            return state != "running"

        wait_for(is_done, WORK_S)
        assert list(seen.values())[-1] == "done"
        assert sum(state == "running" for state in seen.values()) >= 2
        assert browser.execute_script("return window.notReloaded") is True
        wait_for(lambda: bool(browser.execute_script(FIRST_CHART)), WORK_S)
        browser.find_element(By.PARTIAL_LINK_TEXT, "Answer as JSON").click()
        browser.find_element(By.PARTIAL_LINK_TEXT, "ONNX").click()
        wait_for(lambda: bool([*tmp_path.glob("*.json"), *tmp_path.glob("*.onnx")][1:]), WORK_S)
        (answer,) = tmp_path.glob("*.json")
        assert len(json.loads(answer.read_text())["picks"]) >= 3
        (model,) = tmp_path.glob("*.onnx")
        onnx.checker.check_model(onnx.load_model(model))
        assert complaints(browser) == []


FIRST_CHART = """
const canvas = document.querySelector('canvas[data-chart]');
return canvas !== null && Chart.getChart(canvas) !== undefined;
"""


def test_a_page_recovers_when_the_coordinator_is_killed_and_started_again(
    replay_table: Path, tmp_path: Path
) -> None:
    own = make_lab(tmp_path)
    with chromium(tmp_path) as browser:
        with own.coordinator() as coordinator:
            with replay_agent(tmp_path / "agent", own.listen, replay_table, "board") as agent:
                wait_for(lambda: is_online(own.listen, "board"), START_S)
                assert agent.stop() == 0
            start_adapt(browser, own, "board", 10)
            wait_for(lambda: "0 of 10" in state_of(browser)[1], WORK_S)
            coordinator.stop(signal.SIGKILL)
        status = browser.find_element(By.ID, "connection")
        wait_for(lambda: "does not answer" in status.text, WORK_S)
        with (
            own.coordinator(),
            replay_agent(tmp_path / "agent", own.listen, replay_table, "board"),
        ):
            wait_for(lambda: not status.is_displayed(), WORK_S)
            wait_for(lambda: state_of(browser)[0] == "done", WORK_S)
            assert browser.execute_script("return window.notReloaded") is True
            assert browser.find_elements(By.CSS_SELECTOR, "canvas[data-chart=front]")


def test_a_collection_fills_up_before_the_eyes(lab: Lab, tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        browser.get(lab.url("/collections/new?device=board"))
        browser.find_element(By.NAME, "name").send_keys("seen")
        browser.find_element(By.CSS_SELECTOR, ".fields button").click()
        wait_for(lambda: browser.current_url.endswith("/collections/seen"), WORK_S)
        browser.execute_script("window.notReloaded = true")
        main = browser.find_element(By.ID, "main")
        wait_for(lambda: "100 of 100 jobs ended" in main.text, WORK_S)
        assert browser.execute_script("return window.notReloaded") is True


def test_no_page_has_a_serious_finding_of_axe_or_overflows_or_complains(
    lab: Lab, tmp_path: Path
) -> None:
    axe = axe_source()
    with chromium(tmp_path) as browser:
        answer = start_adapt(browser, lab, "board", 10)
        wait_for(lambda: state_of(browser)[0] == "done", WORK_S)
        paths = ["/", "/devices/board", "/collections", "/collections/new", "/answers"]
        pages = [lab.url(path) for path in [*paths, "/answers/new", "/nowhere"]]
        found = []
        for width, dark in ((1280, False), (1280, True), (390, False), (390, True)):
            look(browser, width=width, dark=dark)
            for page in [*pages, answer]:
                browser.get(page)
                # What is folded away is looked at, too.
                for folded in browser.find_elements(By.CSS_SELECTOR, "details.more summary"):
                    folded.click()
                browser.execute_script(axe)
                found += [f"{page} {width} {dark}: {one}" for one in findings(browser)]
                wide = browser.execute_script(
                    "return document.documentElement.scrollWidth - innerWidth"
                )
                assert wide <= 0, (page, width)
                said = complaints(browser)
                assert page.endswith("/nowhere") or said == [], page
        assert found == []


def test_the_keyboard_alone_reaches_the_content_and_sends_a_form(lab: Lab, tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        browser.get(lab.url("/answers/new?device=nobody"))
        browser.switch_to.active_element.send_keys(Keys.TAB)
        assert browser.switch_to.active_element.text == "Skip to the content"
        browser.switch_to.active_element.send_keys(Keys.ENTER)
        assert browser.switch_to.active_element.get_attribute("id") == "main"
        browser.switch_to.active_element.send_keys(Keys.TAB)
        browser.switch_to.active_element.send_keys(Keys.TAB)
        assert browser.switch_to.active_element.get_attribute("id") == "device"
        browser.switch_to.active_element.send_keys(Keys.ENTER)
        wait_for(lambda: bool(browser.find_elements(By.CSS_SELECTOR, "[role=alert]")), WORK_S)
        alert = browser.find_element(By.CSS_SELECTOR, "[role=alert]")
        assert "unknown device 'nobody'" in alert.text


def findings(browser: webdriver.Chrome) -> list[str]:
    """Serious and critical violations that axe finds on the page."""
    result = browser.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run().then(done);"
    )
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in result["violations"]
        if one["impact"] in BAD
        for node in one["nodes"]
    ]


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the browser's console says of the page: errors, refused scripts."""
    log: list[dict[str, str]] = browser.execute("getLog", {"type": "browser"})["value"]
    return [entry["message"] for entry in log if entry["level"] == "SEVERE"]
