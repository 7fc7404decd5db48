"""What every test stands on: asyncio as the backend, time that jumps where a module asks for it, a quick run."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.virtual_time import JUMPING

LEFT_OUT = {"slow", "subprocess", "fuzz", "postgres", "browser"}
"""Markers of tests that the default run leaves out. `--all`, `-m` or a path below `tests` runs them."""

settings.register_profile("noisy machines", deadline=None)  # a slow moment is no failure
settings.load_profile("noisy machines")


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Plain asyncio; a test or module marked `jumping` runs on a loop whose time jumps instead of waiting."""
    return JUMPING if request.node.get_closest_marker("jumping") else "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run what the default run leaves out, too")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the default run has no time for, unless it was asked for."""
    named = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
    if config.getoption("--all") or config.getoption("markexpr") or named != {Path(__file__).parent}:
        return
    left_out = [item for item in items if LEFT_OUT & {mark.name for mark in item.iter_markers()}]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
