"""The way in: projects, whose they are, and what can be spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layers_mcp.api.errors import ForbiddenScope
from layers_mcp.protocol import render
from layers_mcp.tools.list_projects import Projects, list_projects
from tests.support.upstream import Reply, Upstream, pairs_of, refused

WHOAMI: dict[str, Any] = {"organizationId": "org_1", "organizationName": "Acme\u202e Agency", "scopes": []}
CREDITS: dict[str, Any] = {"balance": 900, "estimatedCreditsPerFormat": {"video_remix": 120, "auto": 120}}
PROJECTS: dict[str, Any] = {
    "items": [
        {"id": "prj_1", "name": "acme\u200b-todo", "status": "active", "timezone": "Europe/Berlin"},
        {"id": "prj_2"},
    ],
    "nextCursor": "c2",
}


async def listed(state_dir: Path, upstream: Upstream, **arguments: Any) -> Projects:
    async with upstream.open_tool_context(state_dir) as context:
        return await list_projects(context, **arguments)


def upstream(**replies: Reply) -> Upstream:
    api = Upstream()
    known: dict[str, Reply] = {"whoami": WHOAMI, "credits": CREDITS, "projects": PROJECTS, **replies}
    api.replies = {f"GET /v1/{name}": reply for name, reply in known.items()}
    return api


async def test_projects_come_with_their_organization_and_its_credits(tmp_path: Path) -> None:
    content, _ = render(await listed(tmp_path, upstream()))
    assert content == {
        "organization": {"name": "Acme Agency", "organization_id": "org_1"},
        "credits": {"available": 900, "estimated_per_format": {"video_remix": 120, "auto": 120}},
        "projects": [
            {"project_id": "prj_1", "name": "acme-todo", "status": "active", "timezone": "Europe/Berlin"},
            {"project_id": "prj_2"},
        ],
        "next_cursor": "c2",
        "notes": [],
    }


async def test_what_reservations_leave_is_what_is_available(tmp_path: Path) -> None:
    result = await listed(tmp_path, upstream(credits={**CREDITS, "available": 300}))
    assert result.credits is not None
    assert result.credits.available == 300


async def test_only_active_projects_are_asked_for_unless_archived_ones_are_wanted(tmp_path: Path) -> None:
    api = upstream()
    await listed(tmp_path, api, search="acme", limit=7, cursor="c1")
    await listed(tmp_path, api, include_archived=True)
    queries = [dict(pairs_of(request)) for request in api.asked("/v1/projects")]
    assert queries == [{"search": "acme", "status": "active", "limit": "7", "cursor": "c1"}, {"limit": "20"}]


@pytest.mark.parametrize(("path", "what"), [("whoami", "organization"), ("credits", "credit balance")])
async def test_what_the_key_may_not_read_is_left_out_with_a_note_and_the_projects_still_come(
    tmp_path: Path, path: str, what: str
) -> None:
    result = await listed(tmp_path, upstream(**{path: refused(403, "FORBIDDEN_SCOPE")}))
    assert [project.project_id for project in result.projects] == ["prj_1", "prj_2"]
    assert (result.organization is None, result.credits is None) == (path == "whoami", path == "credits")
    assert result.notes[0].startswith(f"The {what} is left out. FORBIDDEN_SCOPE (403)")


async def test_without_the_projects_there_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(ForbiddenScope):
        await listed(tmp_path, upstream(projects=refused(403, "FORBIDDEN_SCOPE")))


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        ({}, "no active projects"),
        ({"include_archived": True}, "no projects yet"),
        ({"search": "nothing like it"}, "without search"),
        ({"cursor": "c9"}, "ends here"),
    ],
)
async def test_an_empty_list_explains_itself(tmp_path: Path, arguments: dict[str, Any], note: str) -> None:
    result = await listed(tmp_path, upstream(projects={"items": []}), **arguments)
    assert result.projects == []
    assert note in result.notes[0]


async def test_a_missing_organization_name_is_left_out(tmp_path: Path) -> None:
    result = await listed(tmp_path, upstream(whoami={"organizationId": "org_1"}))
    assert result.organization is not None
    assert (result.organization.organization_id, result.organization.name) == ("org_1", None)


async def test_a_cursor_that_leads_back_is_dropped_with_a_note(tmp_path: Path) -> None:
    upstream = Upstream()
    upstream.replies["GET /v1/projects"] = {"items": [{"id": "prj_1", "name": "acme"}], "nextCursor": "same"}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await list_projects(context, cursor="same")
    assert result.next_cursor is None
    assert any("leads back" in note for note in result.notes)
