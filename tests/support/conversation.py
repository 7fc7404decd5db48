"""One turn of the loop in tool calls, as any client makes it: from the ranking to the review of what was ordered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Facts = Callable[..., Awaitable[dict[str, Any]]]
"""Calls a tool by name and arguments, and gives the content of its success."""


async def order(facts: Facts, project: str, *, pieces: int = 2) -> dict[str, Any]:
    """Rank, and order pieces on the exact title of the best post that can be named."""
    ranking = await facts("rank_top_performers", project_id=project, metric="engagement_rate", window="30d", limit=10)
    source = next(row["platform_post_id"] for row in ranking["items"] if row.get("platform_post_id"))
    arguments = {"project_id": project, "source_platform_post_id": source, "variations": pieces}
    preview = await facts("generate_with_hook", **arguments, dry_run=True)
    assert preview["replayed"] is (preview["status"] != "not_ordered")
    return await facts("generate_with_hook", **arguments)


async def made(facts: Facts, ordered: dict[str, Any], pass_time: Callable[[float], None]) -> list[dict[str, Any]]:
    """Wait for the order's jobs, and look at what came of them."""
    jobs = ordered.get("job_ids") or [ordered["job_id"]]
    for _ in range(10):
        waited = await facts("wait_job", job_ids=jobs, timeout_seconds=0)
        if waited["all_done"]:
            break
        pass_time(10)
    assert {job["status"] for job in waited["jobs"]} == {"completed"}
    containers = [each for job in waited["jobs"] for each in job["container_ids"]]
    seen = await facts("get_content", container_ids=containers)
    pieces = len(containers)
    assert sorted(item["variation"] for item in seen["items"]) == [f"{n + 1} of {pieces}" for n in range(pieces)]
    assert {item["commission_id"] for item in seen["items"]} == {ordered["commission_id"]}
    return seen["items"]


async def publish(facts: Facts, project: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A person approves the pieces, and publishes each on the first account."""
    accounts = (await facts("check_readiness", project_id=project))["accounts"]
    account = next(each["social_account_id"] for each in accounts if each["status"] == "connected")
    published: list[dict[str, Any]] = []
    for item in items:
        container = item["container_id"]
        decided = await facts("decide_content", container_id=container, decision="approve")
        assert decided["approval_status"] == "approved"
        published.append(await facts("publish_content", container_id=container, social_account_ids=[account]))
    assert all(each["scheduled_posts"] for each in published)
    return published


async def review(facts: Facts, project: str, *, pieces: int = 2) -> dict[str, Any]:
    """What became of the one order: live, measured, and what it cost."""
    schedule = await facts("list_schedule", project_id=project, limit=pieces)  # newest first
    assert [row["status"] for row in schedule["items"]] == ["published"] * pieces
    told = await facts("review_commissions", project_id=project)
    [commission] = told["commissions"]
    assert commission["status"] == "completed"
    assert commission["variations"] == len(commission["container_ids"]) == pieces
    assert commission["metric_value"] > 0
    assert commission["versus_source"] > 0
    assert told["by_mode"][0]["live"] == 1
    return commission
