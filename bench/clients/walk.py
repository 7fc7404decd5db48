"""What every client is asked to do: list, rank, clone, wait on the running job, read what was made."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any


async def walk(names: Sequence[str], call: Callable[[str, dict[str, Any]], Awaitable[str]]) -> None:
    """`names` are the tools that the client listed; `call` calls one and returns the text that a model would read.

    Raises when an answer is not what the loop needs.
    """

    async def ask(tool: str, **arguments: Any) -> dict[str, Any]:
        text = await call(tool, arguments)
        try:
            return json.loads(text)
        except ValueError:
            raise AssertionError(f"{tool} answered: {text[:300]}") from None

    assert {"list_projects", "review_commissions"} <= set(names), names
    found = await ask("list_projects", search="acme-todo")
    project_id = found["projects"][0]["project_id"]
    ranking = await ask("rank_top_performers", project_id=project_id, metric="engagement_rate", limit=3)
    winner = ranking["items"][0]
    order = await ask(
        "clone_post",
        project_id=project_id,
        source_platform_post_id=winner["platform_post_id"],
        variations=2,
    )
    assert order["status"] == "running", order
    for _ in range(4):
        waited = await ask("wait_job", job_ids=[order["job_id"]], timeout_seconds=30)
        if waited["all_done"]:
            break
    (job,) = waited["jobs"]
    assert job["status"] == "completed", job
    content = await ask("get_content", container_ids=job["container_ids"])
    assert len(content["items"]) == 2, content
    assert all(item["assets"][0]["url"] for item in content["items"]), content
    print("closed the loop")
