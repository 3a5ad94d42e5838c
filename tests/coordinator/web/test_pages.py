"""Pages and forms, on a real store and without a browser."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import onnx

from help_core.records import Board, Device, Limits, Objective, RunState, Settings
from tests.coordinator.web.site import AGENT, Site, device, open_site, until

CELL = "nasbench201:|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
PAGES = ["/", "/collections", "/collections/new", "/answers", "/answers/new", "/devices/box"]


def test_every_page_comes_with_a_policy_that_runs_no_inline_script(tmp_path: Path) -> None:
    async def look() -> None:
        async with open_site(tmp_path) as site:
            for path in PAGES:
                page = await site.get(path)
                assert page.status_code == 200, page.text
                policy = page.headers["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert "<script>" not in page.text
                assert "style=" not in page.text

    asyncio.run(look())


def test_an_adapt_is_started_watched_and_its_answer_taken_away(tmp_path: Path) -> None:
    async def adapt() -> None:
        async with open_site(tmp_path) as site, site.agent():
            fields = {"device": "box", "space": "nasbench201", "samples": "10", "verify": "1"}
            sent = await site.send("/answers/new", **fields, max_latency_ms="6, 12")
            assert sent.status_code == 303, sent.text
            path = sent.headers["location"]
            run_id = path.rpartition("/")[2]
            await until(lambda: site.parts.store.runs.get(run_id).state is not RunState.RUNNING)
            page = await site.get(path)
            assert "Winners" in page.text
            assert "conv 3×3" in page.text
            answer = json.loads((await site.get(f"{path}/answer.json")).content)
            assert [pick["limit_ms"] for pick in answer["picks"]] == [6.0, 12.0]
            for pick in answer["picks"]:
                assert pick["measured_ms"] <= pick["limit_ms"]
            await _check_figures(site)

    asyncio.run(adapt())


async def _check_figures(site: Site) -> None:
    """What the device's page draws once there is an answer."""
    found = (await site.get("/api/v1/devices/box/embedding?space=nasbench201")).json()
    assert len(found["architectures"]) == 10
    assert len(found["nearest"]) == 5
    distances = [one["distance_percent"] for one in found["nearest"]]
    assert distances == sorted(distances)
    found = (await site.get("/api/v1/devices/box/predictions?space=nasbench201")).json()
    assert found["points"]
    assert found["support"] == 10
    assert all(one["low_ms"] <= one["predicted_ms"] <= one["high_ms"] for one in found["points"])
    held = [one["held"] for one in found["coverage"]]
    assert held == sorted(held)
    page = await site.get("/devices/box")
    assert 'data-chart="calibration"' in page.text
    assert "51.5 °C" in page.text


def test_a_stream_sends_the_part_again_when_it_changes(tmp_path: Path) -> None:
    async def watch() -> None:
        async with open_site(tmp_path) as site:
            sent = await site.send("/answers/new", device="box", space="nasbench201")
            run_id = sent.headers["location"].rpartition("/")[2]
            await until(lambda: site.parts.store.find_jobs("box", [], 1)[1] > 0)

            async def stop_later() -> None:
                async with site.agent():
                    await until(
                        lambda: site.parts.store.runs.get(run_id).state is not RunState.RUNNING
                    )
                    await asyncio.sleep(0.6)
                    site.parts.stopping.set()

            stopping = asyncio.create_task(stop_later())
            stream = await site.get(f"/live/answers/{run_id}", timeout=60.0)
            await stopping
            assert stream.headers["content-type"].startswith("text/event-stream")
            parts = [part for part in stream.text.split("\n\n") if part.startswith("data:")]
            assert len(parts) >= 2
            assert 'data-state="running"' in parts[0]
            assert 'data-state="done"' in parts[-1]

    asyncio.run(watch())


def test_an_adapt_is_cancelled_and_its_queued_jobs_with_it(tmp_path: Path) -> None:
    async def cancel() -> None:
        async with open_site(tmp_path) as site:
            sent = await site.send("/answers/new", device="box", space="nasbench201")
            path = sent.headers["location"]
            await until(lambda: site.parts.store.find_jobs("box", [], 1)[1] == 10)
            await site.send(f"{path}/cancel", path)
            assert site.parts.store.runs.get(path.rpartition("/")[2]).state is RunState.CANCELLED
            await until(lambda: "box" not in site.parts.store.devices_with_work())

    asyncio.run(cancel())


def test_a_run_goes_on_with_the_next_coordinator(tmp_path: Path) -> None:
    async def restart() -> None:
        async with open_site(tmp_path) as site:
            sent = await site.send("/answers/new", device="box", space="nasbench201")
            run_id = sent.headers["location"].rpartition("/")[2]
            await until(lambda: site.parts.store.find_jobs("box", [], 1)[1] == 10)
        async with open_site(tmp_path) as site, site.agent():
            assert site.parts.store.runs.get(run_id).state is RunState.RUNNING
            await until(lambda: site.parts.store.runs.get(run_id).state is RunState.DONE)

    asyncio.run(restart())


def test_a_failed_adapt_says_why(tmp_path: Path) -> None:
    async def fail() -> None:
        async with open_site(tmp_path) as site, site.agent():
            fields = {"device": "box", "space": "nasbench201", "max_latency_ms": "0.001"}
            path = (await site.send("/answers/new", **fields)).headers["location"]
            run_id = path.rpartition("/")[2]
            await until(lambda: site.parts.store.runs.get(run_id).state is RunState.FAILED)
            assert "no architecture of nasbench201 meets 0.001 ms" in (await site.get(path)).text

    asyncio.run(fail())


BAD_FIELDS = [
    ("device", "nobody", "unknown device"),
    ("space", "nowhere", "unknown search space"),
    ("samples", "1", "samples 1 is not between"),
    ("samples", "ten", "is no whole number"),
    ("max_latency_ms", "fast", "is no number"),
    ("max_latency_ms", "nan", "not above zero"),
    ("more_devices", "box", "each once"),
    ("more_devices", "nobody", "unknown device"),
    ("percentile", "100", "is not between 0 and 100"),
    ("min_accuracy", "70, best", "is no number"),
    ("min_accuracy", "101", "is not between 0 and 100"),
    ("max_params", "many", "is no count"),
    ("max_flops", "0", "is not above zero"),
    ("max_memory_mib", "much", "is no number"),
    ("max_energy_mj", "-1", "is not above zero"),
    ("measurements", "few", "is no whole number"),
    ("objective", "beauty", "unknown objective"),
    ("candidates", "nasbench201:nothing", "nasbench201:nothing"),
]
UNFOLDED = {"device", "space", "samples", "max_latency_ms"}
CHOSEN = {"space", "objective"}
"""A choice that the form does not offer cannot be shown as chosen."""


def test_a_bad_field_brings_the_form_back_with_the_reason(tmp_path: Path) -> None:
    async def send() -> None:
        async with open_site(tmp_path) as site:
            good = {"device": "box", "space": "nasbench201"}
            for field, value, message in BAD_FIELDS:
                page = await site.send("/answers/new", **good | {field: value})
                assert page.status_code == 400
                assert message in page.text
                # What was typed is not folded away, and stays in its field.
                assert ('<details class="more" open>' in page.text) == (field not in UNFOLDED)
                if field not in CHOSEN:
                    assert f'value="{value}"' in page.text or f">{value}</textarea>" in page.text
            assert site.parts.store.runs.find()[1] == 0

    asyncio.run(send())


ASKED = {
    "device": "box",
    "space": "nasbench201",
    "more_devices": "twin, third",
    "percentile": "75",
    "min_accuracy": "70, 71.5",
    "max_params": "1.2M",
    "max_flops": "300M",
    "max_memory_mib": "200",
    "max_energy_mj": "12.5",
    "accuracy": "shipped",
    "candidates": f"{CELL}\r\n{CELL}",
    "measurements": "7",
    "seed": "3",
}


def test_everything_that_a_search_can_do_is_asked_from_the_form(tmp_path: Path) -> None:
    async def send() -> None:
        async with open_site(tmp_path) as site:
            others = [device("twin"), device("third")]
            site.parts.store.register("b" * 32, "0.1.0", others, site.parts.clock.now_s())
            run_id = (await site.send("/answers/new", **ASKED)).headers["location"][-16:]
            order = site.parts.store.runs.get(run_id).order
            assert order.devices == ("box", "twin", "third")
            assert order.percentile == 75.0
            assert order.min_accuracy_percent == (70.0, 71.5)
            assert order.limits == Limits(1_200_000, 300_000_000, 200.0, 12.5)
            assert order.accuracy_source == "shipped"
            assert order.candidates == (CELL,)
            assert (order.winner_measurements, order.seed) == (7, 3)
            more = {"whole_front": "1", "objective": "flops", "generator": "random"}
            sent = await site.send("/answers/new", device="box", space="nasbench201", **more)
            order = site.parts.store.runs.get(sent.headers["location"][-16:]).order
            assert order.whole_front
            assert (order.objective, order.generator) == (Objective.FLOPS, "random")
            assert order.percentile == 50.0
            assert order.limits == Limits()

    asyncio.run(send())


def test_a_usual_form_shows_the_usual_fields(tmp_path: Path) -> None:
    async def look() -> None:
        async with open_site(tmp_path) as site:
            page = (await site.get("/answers/new")).text
            assert '<details class="more">' in page
            assert "<option>shipped</option>" in page
            assert "synflow" not in page

    asyncio.run(look())


def test_a_collection_is_started_and_cancelled(tmp_path: Path) -> None:
    async def collect() -> None:
        async with open_site(tmp_path) as site:
            wanted = {"device": "box", "sample": "5", "space": "nasbench201", "name": "mine"}
            sent = await site.send("/collections/new", **wanted, architectures=CELL)
            assert sent.headers["location"] == "/collections/mine", sent.text
            assert (await site.get("/api/v1/collections/mine")).json()["queued"] == 6
            await site.send("/collections/mine/cancel", "/collections/mine")
            assert (await site.get("/api/v1/collections/mine")).json()["cancelled"] == 6

    asyncio.run(collect())


def test_an_architecture_is_downloaded_as_onnx(tmp_path: Path) -> None:
    async def download() -> None:
        async with open_site(tmp_path) as site:
            found = await site.get("/onnx", params={"architecture": CELL})
            assert "attachment" in found.headers["content-disposition"]
            onnx.checker.check_model(onnx.load_model(io.BytesIO(found.content)))
            bad = await site.get("/onnx", params={"architecture": "nasbench201:../../etc/passwd"})
            assert bad.status_code == 400

    asyncio.run(download())


def test_what_an_agent_wrote_is_text_and_never_markup(tmp_path: Path) -> None:
    async def look() -> None:
        async with open_site(tmp_path) as site:
            board = Board("<script>alert(1)</script>", model='"><img src=x onerror=alert(1)>')
            hostile = Device("hostile", board, Settings())
            site.parts.store.register(AGENT, "0.1.0", [hostile], site.parts.clock.now_s())
            site.parts.store.label("hostile", {"room": "<b>12</b>"}, "</dd><script>x</script>")
            for path in ("/", "/devices/hostile"):
                text = (await site.get(path)).text
                assert "<script>alert" not in text
                assert "<img src=x" not in text
                assert "<b>12</b>" not in text

    asyncio.run(look())


def test_a_long_fleet_comes_in_pages_and_is_searched(tmp_path: Path) -> None:
    async def look() -> None:
        async with open_site(tmp_path) as site:
            many = [Device(f"pi-{n:03}", Board("pi"), Settings()) for n in range(60)]
            site.parts.store.register("b" * 32, "0.1.0", many, site.parts.clock.now_s())
            first = (await site.get("/")).text
            assert "61 devices" in first
            assert "Page 1 of 3" in first
            assert "/devices/pi-040" not in first
            assert "/devices/pi-040" in (await site.get("/?q=PI-04")).text
            assert "No device matches" in (await site.get("/?presence=offline")).text

    asyncio.run(look())


UNKNOWN = {
    "/devices/nobody": 404,
    "/devices/%2e%2e%2fetc": 404,
    "/collections/none": 404,
    "/answers/0123456789abcdef": 404,
    "/answers/x": 400,
    "/nowhere": 404,
    "/static/../app.py": 404,
    "/?page=0": 400,
}


def test_an_unknown_name_is_a_page_that_says_so(tmp_path: Path) -> None:
    async def look() -> None:
        async with open_site(tmp_path) as site:
            for path, status in UNKNOWN.items():
                page = await site.get(path)
                assert page.status_code == status, path
                assert 'role="alert"' in page.text

    asyncio.run(look())
