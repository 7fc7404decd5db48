"""A Chromium for the views, and a server on the sandbox behind them. Both are started once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.views.browser import Browser, Shown

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not os.environ.get("LAYERS_TEST_NODE_MODULES"):
        pytest.skip("LAYERS_TEST_NODE_MODULES is not set: see tests/e2e/views/host.mjs")
    chromium = os.environ.get("LAYERS_TEST_CHROMIUM") or shutil.which("chromium")
    assert chromium, "no chromium: see tests/e2e/views/host.mjs"
    browser = Browser(chromium)
    yield browser
    browser.close()


@pytest.fixture
def shown(browser: Browser) -> Iterator[Shown]:
    """A view on show. It may fetch nothing and make the browser complain of nothing, whatever a test does to it."""
    shown = Shown(browser)
    yield shown
    assert shown.complaints == []
