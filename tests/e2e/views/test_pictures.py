"""Pictures of the views for the documentation, from a sandbox in which a week of the loop has passed.

`LAYERS_TEST_PICTURES=1` writes them to docs/images; otherwise they are only taken, and those kept are checked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client

from layers_mcp.app import create_server
from layers_mcp.sandbox import Sandbox
from tests.e2e.views.browser import Shown, Wire, result_of
from tests.support import configured

IMAGES = Path(__file__).parents[3] / "docs" / "images"
LARGEST = 200_000
START = datetime(2026, 10, 19, 9, 10, tzinfo=UTC)
NAMES = [
    f"{view}-{theme}"
    for view in ("ranking", "ordering", "series", "approval", "results")
    for theme in ("light", "dark")
]

Call = Callable[..., Wire]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Call, Sandbox]]:
    """A sandbox whose clock stands still but for what a test moves it, and how to call a tool of a server on it."""
    with Sandbox(clock=lambda: START) as sandbox, start_blocking_portal() as portal:
        state_dir = tmp_path_factory.mktemp("pictures")
        config = configured(api_key=sandbox.api_key, base_url="https://api.layers.test", state_dir=state_dir)
        server = create_server(**config, transport=sandbox.transport(), clock=sandbox.now)
        with portal.wrap_async_context_manager(Client(server)) as client:

            def call(tool: str, **arguments: Any) -> Wire:
                answer = portal.call(client.call_tool, tool, arguments)
                assert not answer.is_error, answer.content
                return dict(answer.structured_content or {})

            yield call, sandbox


def live_a_week(call: Call, sandbox: Sandbox) -> None:
    """Order from what wins, publish what was made, wait; at the end leave two pieces to decide on."""
    project = sandbox.project_id("acme-todo")

    def clone(row: Wire, mode: str, **fields: Any) -> None:
        source = row["platform_post_id"]
        call("clone_post", project_id=project, source_platform_post_id=source, mode=mode, **fields)

    def pin(row: Wire, **fields: Any) -> None:
        call("generate_with_hook", project_id=project, hook=row["title"], **fields)

    rows = call("rank_top_performers", project_id=project, metric="engagement_rate")["items"]
    for row in rows[:3]:
        clone(row, "fork", variations=2)
        clone(row, "reimagine")
    pin(rows[0])
    sandbox.advance(timedelta(minutes=5))
    for made in call("get_content", project_id=project, awaiting_approval=True, limit=50)["items"]:
        call("decide_content", container_id=made["container_id"], decision="approve")
    sandbox.publish_finished("acme-todo")
    sandbox.advance(timedelta(days=7))
    clone(rows[0], "fork", take=2)
    pin(rows[1], format="slideshow_remix")
    sandbox.advance(timedelta(minutes=5))


def test_each_view_is_pictured_light_and_dark(shown: Shown, world: tuple[Call, Sandbox], tmp_path: Path) -> None:
    call, sandbox = world
    folder = IMAGES if os.environ.get("LAYERS_TEST_PICTURES") else tmp_path
    folder.mkdir(exist_ok=True)
    project = call("list_projects", search="acme")["projects"][0]["project_id"]

    def take(view: str, name: str, tool: str, steps: Callable[[], None] = lambda: None, **arguments: Any) -> None:
        facts = call(tool, **arguments)
        for theme in ("light", "dark"):
            shown.open(view, answering=lambda asked, given: result_of(call(asked, **given)))
            shown.connect(theme=theme)
            shown.give(facts, **arguments)
            steps()
            shown.settle()
            shown.browser.do("picture", path=str(folder / f"{name}-{theme}.png"))

    def price() -> None:
        first = shown.ids[0]
        shown.press("toggle", first)
        shown.press("order", first)
        shown.wait_for("confirm-order", first)

    def question() -> None:
        shown.press("approve", shown.ids[0])

    ranked = {"project_id": project, "metric": "engagement_rate"}
    take("ranking", "ranking", "rank_top_performers", limit=25, **ranked)
    take("ranking", "ordering", "rank_top_performers", price, limit=2, **ranked)
    live_a_week(call, sandbox)
    take("series", "series", "get_metrics", project_id=project, since="30d", compare_previous=True, by_account=True)
    take("approval", "approval", "get_content", question, project_id=project, awaiting_approval=True, limit=2)
    take("results", "results", "review_commissions", project_id=project, limit=4)
    for name in NAMES:
        picture = (folder / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < LARGEST, name


def test_the_documentation_has_a_picture_of_each_view() -> None:
    kept = {path.stem: path.stat().st_size for path in IMAGES.glob("*.png")}
    assert sorted(kept) == sorted(NAMES)
    assert max(kept.values()) < LARGEST
