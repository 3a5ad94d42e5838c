"""A headless Chromium, and the coordinator and replay board that it looks at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By

from tests.e2e.processes import Process, free_port, python_module, wait_for

START_S = 90.0
WORK_S = 120.0


@dataclass(frozen=True)
class Lab:
    """Where a coordinator of this test listens and keeps what it knows."""

    folder: Path
    listen: str
    pages: str

    @contextmanager
    def coordinator(self) -> Iterator[Process]:
        """Serves on the same addresses and store each time."""
        command = python_module("coordinator.main", "serve", "--listen", self.listen)
        command += ["--store", str(self.folder / "c.db"), "--http", self.pages]
        log = self.folder / "coordinator.log"
        began = log.read_text().count("listens on") if log.exists() else 0
        with Process(command, log) as process:
            wait_for(lambda: log.read_text().count("listens on") > began, START_S)
            yield process

    def url(self, path: str) -> str:
        return f"http://{self.pages}{path}"


def make_lab(folder: Path) -> Lab:
    return Lab(folder, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")


@contextmanager
def chromium(folder: Path, *, width: int = 1280, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """A browser that keeps downloads in ``folder``, or a skip by name."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("chromium and chromium-driver are not here; as root, make lab installs them")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        look(browser, width=width, dark=dark)
        yield browser
    finally:
        browser.quit()


def look(browser: webdriver.Chrome, *, width: int, dark: bool) -> None:
    """The window's width and the colours that the person prefers."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def state_of(browser: webdriver.Chrome) -> tuple[str, str]:
    """The state of the answer on the page, and the words beside it."""
    while True:
        part = browser.find_element(By.CSS_SELECTOR, "[data-state]")
        try:
            return part.get_attribute("data-state") or "", part.text
        except StaleElementReferenceException:
            continue  # The stream has just replaced it.


def start_adapt(browser: webdriver.Chrome, lab: Lab, device: str, samples: int) -> str:
    """Fills in the form and sends it; returns the answer's address."""
    browser.get(lab.url(f"/answers/new?device={device}"))
    field = browser.find_element(By.NAME, "samples")
    field.clear()
    field.send_keys(str(samples))
    browser.find_element(By.CSS_SELECTOR, ".fields button").click()
    wait_for(lambda: bool(browser.find_elements(By.CSS_SELECTOR, "[data-state]")), WORK_S)
    browser.execute_script("window.notReloaded = true")
    return str(browser.current_url)


def axe_source() -> str:
    """The accessibility checker's script, or a skip by name."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = Path(os.environ.get("HELP_AXE") or cache / "help-fleet" / "axe.min.js")
    if not path.is_file():
        pytest.skip(f"axe-core is not at {path}; with npm, make lab puts it there")
    return path.read_text()
