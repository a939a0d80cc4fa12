"""A browser, where this machine has one, and a report on which every text is hostile."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feeds.store import Store
from indicators.views.published import published
from indicators.views.report import Gauge, Ranking, Report

HOSTILE = (
    "<script>document.title='run'</script>",
    '"><img src=x onerror="document.title=1">',
    "'><a href='javascript:document.title=2'>A</a>",
    "=cmd|' /C calc'!A0",
    "{{ 7 * 7 }}{% for a in b %}",
    "</script></title><b>bold</b>",
    "A\u202ecod.exe\x1b[31m\n\x00B",
    "X" * 10_000,
)
PLACES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser."""
    found = next((path for name in PLACES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def report(small_db: Path) -> Report:
    """The small market's last session."""
    with Store.open(small_db, read_only=True) as store:
        return published(store).report


@pytest.fixture(scope="session")
def levelled(report: Report) -> Report:
    """The same with a level, two parts missing."""
    pulls = {"dark_pool_imbalance": 12.25, "insider_ratio": -3.5, "eps_divergence": 4.75}
    missing = {"sector_rotation": "no reading yet", "directional_premium": "no reading yet"}
    gauge = Gauge(
        level=63.5, zone="bull", confidence="low", parts_present=3, parts_total=5, contributions=pulls, missing=missing
    )
    return report.model_copy(update={"gauge": gauge})


@pytest.fixture(scope="session")
def hostile(levelled: Report) -> Report:
    """Hostile texts wherever a file's words can get to."""
    rows = [
        {"rank": i, "symbol": text, "net": amount, "share": share, text[:40]: 1, "reason": text}
        for i, (text, amount, share) in enumerate(
            zip(HOSTILE, ("9.00", "-28842000.10", "100.50", "7.25", "8.00", "10.00", "11.00", "12.00"),
                (0.5, None, -0.25, 3.0, 1e-9, 2.0, 1.0, 0.0), strict=True), start=1)
    ]  # fmt: skip
    first, *others = levelled.indicators
    told = {text[:60]: text for text in HOSTILE}
    line = first.model_copy(
        update={
            "meaning": HOSTILE[0], "reason": HOSTILE[1], "notes": HOSTILE, "unit": HOSTILE[2],
            "components": {**told, "groups": [{"group": text, "n": 1} for text in HOSTILE], "up": list(HOSTILE)},
        }
    )  # fmt: skip
    made = levelled.model_copy(
        update={
            "indicators": (line, *others),
            "rankings": (Ranking(name="insider_ratio", by="net", rows=rows),),
            "notices": HOSTILE,
            "gauge": levelled.gauge.model_copy(update={"notes": HOSTILE, "reason": HOSTILE[0]}),
        }
    )
    return Report.model_validate(json.loads(made.to_json()))
