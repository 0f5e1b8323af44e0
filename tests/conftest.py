"""What tests share: the bundled review, and a browser where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

import secondlook as sl


@pytest.fixture(scope="session")
def bundled() -> sl.Review:
    """The bundled review, opened once: it cannot be changed."""
    return sl.example("stage-iv-breast")


@pytest.fixture(scope="session")
def written(bundled: sl.Review, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the bundled review's report, written once."""
    return bundled.run(tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser; a machine without one skips, continuous integration does not."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("SECONDLOOK_REQUIRE_ALL"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=quiet)
        yield opened
        opened.close()
