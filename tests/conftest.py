"""What every test stands on: asyncio as the backend, time that jumps where a module asks for it, a quick run."""

import gc
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.virtual_time import JUMPING

LEFT_OUT = {"slow", "subprocess", "fuzz", "postgres", "browser"}
"""Markers of tests that the default run leaves out. `--all`, `--left-out`, `-m` or a path below `tests` runs them."""

TIMES = float(os.environ.get("LAYERS_TEST_STEPS", "1"))
PROCESSES = 8
"""How many processes share a run at most; each takes seconds to import what it tests."""

MEMORY = Path("/dev/shm")
FREE_BYTES = 2**30

settings.register_profile(
    "quick",
    deadline=None,
    max_examples=int(25 * TIMES),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],  # a slow moment is no failure
)
settings.load_profile("quick")


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Plain asyncio; a test or module marked `jumping` runs on a loop whose time jumps instead of waiting."""
    return JUMPING if request.node.get_closest_marker("jumping") else "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run what the default run leaves out, too")
    parser.addoption("--left-out", action="store_true", help="run what the default run leaves out, alone")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Share a run of everything among the processors, unless `-n` says otherwise; keep temporary files in memory.

    What the default run leaves out waits more than it computes, for programs and for time: two processes a processor.
    The journal waits for the disk at every commit, which is most of the time that many tests take.
    """
    inside = "PYTEST_XDIST_WORKER" in os.environ  # one of the processes that share the run
    if not inside and _is_of_everything(config) and config.getoption("numprocesses", 0) is None:
        processes = os.cpu_count() or 1
        config.option.dist = "worksteal"
        if config.getoption("--all") or config.getoption("--left-out"):
            processes *= 2
            config.option.dist = "loadgroup"  # tests that share what is costly to start stay together
        config.option.numprocesses = min(processes, PROCESSES)
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > FREE_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the default run has no time for, unless it was asked for."""
    if config.getoption("--all") or config.getoption("markexpr") or not _is_of_everything(config):
        return
    parts: dict[bool, list[pytest.Item]] = {False: [], True: []}
    for item in items:
        parts[any(mark.name in LEFT_OUT for mark in item.iter_markers())].append(item)
    wanted = config.getoption("--left-out")
    config.hook.pytest_deselected(items=parts[not wanted])
    items[:] = parts[wanted]


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of garbage collections: it lives to the end."""
    gc.freeze()


def _is_of_everything(config: pytest.Config) -> bool:
    """Whether no path was named."""
    return {(config.invocation_params.dir / argument).resolve() for argument in config.args} == {Path(__file__).parent}
