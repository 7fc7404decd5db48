"""get_content: these containers or a project's, and what waits for a person."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from layers_mcp.api.errors import ForbiddenScope, LayersError
from layers_mcp.protocol import ToolError, render
from layers_mcp.tools.get_content import Item, get_content
from tests.support.tool_harness import open_tool_harness
from tests.support.upstream import Upstream, pairs_of, query_of, refused

CONTENT = "/v1/projects/prj_1/content"
SCHEDULE = "GET /v1/projects/prj_1/scheduled-posts"


def container(name: str, **extra: object) -> dict[str, object]:
    return {
        "id": name,
        "projectId": "prj_1",
        "status": "completed",
        "approvalStatus": "approved",
        "format": "video_remix",
        "brief": {"hook": "Get things done.", "cta": "Download"},
        "caption": "A caption",
        "assets": [{"assetId": "ast_1", "kind": "video", "url": "https://media.test/v.mp4", "durationMs": 9000}],
        "createdAt": "2026-04-16T10:00:00Z",
        **extra,
    }


def pages(rows: list[dict[str, object]]):
    """A project's content in pages, with the place of the next row as the cursor."""

    def answer(request: httpx2.Request) -> dict[str, object]:
        asked = query_of(request)
        start, size = int(asked.get("cursor", ["0"])[0]), int(asked["limit"][0])
        chosen = [row for row in rows if "status" not in asked or row["status"] in asked["status"]]
        end = start + size
        return {"items": chosen[start:end], "nextCursor": str(end) if end < len(chosen) else None}

    return answer


@pytest.mark.parametrize(("ids", "project"), [((), ""), (("cnt_1",), "prj_1")])
async def test_both_or_neither_is_refused_before_any_request(tmp_path, ids, project):
    upstream = Upstream()
    async with upstream.open_tool_context(tmp_path) as context:
        with pytest.raises(ToolError) as failure:
            await get_content(context, container_ids=ids, project_id=project)
    assert failure.value.code == "INVALID_ARGUMENT"
    assert "`container_ids`" in failure.value.reason
    assert "`project_id`" in failure.value.reason
    assert upstream.requests == []


async def test_a_container_comes_back_in_the_contracts_fields(tmp_path):
    upstream = Upstream()
    upstream.replies["GET /v1/content/cnt_1"] = container("cnt_1")
    upstream.replies["GET /v1/projects"] = {"items": [{"id": "prj_1", "name": "Acme"}]}
    upstream.replies[SCHEDULE] = {"items": []}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, container_ids=("cnt_1",))
    structured, _ = render(result)
    assert structured == {
        "items": [
            {
                "container_id": "cnt_1",
                "project_id": "prj_1",
                "status": "completed",
                "approval_status": "approved",
                "format": "video_remix",
                "hook": "Get things done.",
                "caption": "A caption",
                "cta": "Download",
                "assets": [
                    {"asset_id": "ast_1", "kind": "video", "url": "https://media.test/v.mp4", "duration_ms": 9000}
                ],
                "created_at": "2026-04-16T10:00:00Z",
                "project_name": "Acme",
                "publication": {"status": "not_published"},
            }
        ],
        "notes": [],
        "next_step": "Nothing goes live by itself: publish_content puts it out, once a person wants that.",
    }


@pytest.mark.jumping
async def test_what_one_order_made_at_the_same_moment_comes_as_it_counts(tmp_path):
    async with open_tool_harness(tmp_path) as harness:
        order = await harness.facts("generate_with_hook", project_id=harness.project, hook="Plan less.", variations=3)
        harness.clock.move(minutes=5)
        await harness.facts("wait_job", job_ids=[order["job_id"]])
        shown = {}
        for asked in ({"project_id": harness.project, "limit": 3}, {"awaiting_approval": True}):
            shown = await harness.facts("get_content", **asked)
            assert [item["variation"] for item in shown["items"]] == ["1 of 3", "2 of 3", "3 of 3"]
        backwards = [item["container_id"] for item in shown["items"]][::-1]
        shown = await harness.facts("get_content", container_ids=backwards)
        assert [item["variation"] for item in shown["items"]] == ["3 of 3", "2 of 3", "1 of 3"]


async def test_an_unknown_container_does_not_hide_the_others(tmp_path):
    upstream = Upstream()
    upstream.replies["GET /v1/content/cnt_1"] = container("cnt_1")
    upstream.replies["GET /v1/content/cnt_3"] = refused(403, "FORBIDDEN_SCOPE")
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, container_ids=("cnt_2", "cnt_1", "cnt_3", "cnt_1"))
    assert [(item.container_id, item.status) for item in result.items] == [
        ("cnt_2", "not_found"),
        ("cnt_1", "completed"),
        ("cnt_3", None),
    ]
    assert result.items[2].error is not None
    assert result.items[2].error.startswith("FORBIDDEN_SCOPE (403)")
    assert "not_found: nothing with that id in this organization." in result.notes


async def test_only_unknown_containers_are_still_an_answer(tmp_path):
    async with Upstream().open_tool_context(tmp_path) as context:
        result = await get_content(context, container_ids=("cnt_1", "cnt_2"))
    assert [item.status for item in result.items] == ["not_found", "not_found"]


async def test_the_call_fails_where_nothing_can_be_read(tmp_path):
    upstream = Upstream()
    upstream.replies["GET /v1/content/cnt_1"] = refused(403, "FORBIDDEN_SCOPE")
    async with upstream.open_tool_context(tmp_path) as context:
        with pytest.raises(ForbiddenScope):
            await get_content(context, container_ids=("cnt_1",))


async def test_arguments_of_a_list_are_noted_beside_ids(tmp_path):
    upstream = Upstream()
    upstream.replies["GET /v1/content/cnt_1"] = container("cnt_1")
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, container_ids=("cnt_1",), awaiting_approval=True)
    assert result.notes == [
        "awaiting_approval, since and cursor apply to a project's content only.",
        "Layers shows no schedule of project prj_1, so publication is not known.",
    ]


async def test_the_later_api_is_read_too(tmp_path):
    upstream = Upstream()
    later = {"id": "cnt_1", "status": "processing", "hook": "A hook", "approvalStatus": "pending"}
    upstream.replies["GET /v1/content/cnt_1"] = later
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, container_ids=("cnt_1",))
    assert (result.items[0].status, result.items[0].hook) == ("generating", "A hook")
    assert result.next_step is not None
    assert "wait_job" in result.next_step


@pytest.mark.parametrize(("length", "cut"), [(2200, None), (2201, True)])
async def test_what_a_person_approves_is_shown_whole_up_to_its_limit(tmp_path, length, cut):
    upstream = Upstream()
    text = "x" * length
    upstream.replies["GET /v1/content/cnt_1"] = container("cnt_1", brief={"hook": text}, caption=text)
    async with upstream.open_tool_context(tmp_path) as context:
        (item,) = (await get_content(context, container_ids=("cnt_1",))).items
    assert len(item.hook or "") == len(item.caption or "") == 2200
    assert (item.hook_cut, item.caption_cut) == (cut, cut)


async def test_text_of_strangers_loses_what_cannot_be_seen_and_keeps_its_lines(tmp_path):
    upstream = Upstream()
    upstream.replies["GET /v1/content/cnt_1"] = container("cnt_1", caption="one\n\u202etwo\u200b\x07")
    async with upstream.open_tool_context(tmp_path) as context:
        (item,) = (await get_content(context, container_ids=("cnt_1",))).items
    assert item.caption == "one\ntwo"


async def test_a_failed_container_says_why(tmp_path):
    upstream = Upstream()
    upstream.replies["GET /v1/content/cnt_1"] = container(
        "cnt_1", status="failed", lastError={"code": "RENDER", "message": "It broke"}
    )
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, container_ids=("cnt_1",))
    assert result.items[0].error == "RENDER: It broke"
    assert result.next_step is None


async def test_a_projects_content_is_one_page_and_its_cursor(tmp_path):
    upstream = Upstream()
    upstream.replies[f"GET {CONTENT}"] = pages([container(f"cnt_{number}") for number in range(12)])
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, project_id="prj_1", since="7d", limit=5)
        rest = await get_content(context, project_id="prj_1", limit=10, cursor=result.next_cursor or "")
    assert [item.container_id for item in result.items] == [f"cnt_{number}" for number in range(5)]
    assert [item.container_id for item in rest.items] == [f"cnt_{number}" for number in range(5, 12)]
    assert rest.next_cursor is None
    assert query_of(upstream.asked(CONTENT)[0]) == {"since": ["2026-04-10T12:00:00Z"], "limit": ["5"]}


async def test_a_project_without_content_says_so(tmp_path):
    upstream = Upstream()
    upstream.replies[f"GET {CONTENT}"] = {"items": []}
    async with upstream.open_tool_context(tmp_path) as context:
        assert (await get_content(context, project_id="prj_1")).notes == ["No content was made here in this time."]
        assert (await get_content(context, project_id="prj_1", awaiting_approval=True)).notes == [
            "Nothing waits for a decision here."
        ]


async def test_a_bad_since_is_refused_without_echoing_it(tmp_path):
    upstream = Upstream()
    async with upstream.open_tool_context(tmp_path) as context:
        with pytest.raises(ToolError) as failure:
            await get_content(context, project_id="prj_1", since="<yesterday>")
    assert "`since` must be an ISO datetime" in failure.value.reason
    assert "<yesterday>" not in str(failure.value)
    assert upstream.requests == []


async def test_waiting_content_is_found_page_by_page_and_loses_none_at_the_limit(tmp_path):
    rows = [
        container(f"cnt_{number}", approvalStatus="pending" if number % 7 == 3 else "approved") for number in range(170)
    ]
    waiting = [row["id"] for row in rows if row["approvalStatus"] == "pending"]
    upstream = Upstream()
    upstream.replies[f"GET {CONTENT}"] = pages(rows)
    found: list[str] = []
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, project_id="prj_1", awaiting_approval=True, limit=10)
        assert len(result.items) == 10
        assert "decide_content" in (result.next_step or "")
        found += [item.container_id for item in result.items]
        while result.next_cursor:
            cursor = result.next_cursor
            result = await get_content(context, project_id="prj_1", awaiting_approval=True, limit=10, cursor=cursor)
            found += [item.container_id for item in result.items]
    assert found == waiting


async def test_a_read_only_server_names_no_tool_that_it_does_not_have(tmp_path):
    upstream = Upstream()
    upstream.replies[f"GET {CONTENT}"] = pages([container("cnt_1", approvalStatus="pending")])
    async with upstream.open_tool_context(tmp_path, read_only=True) as context:
        result = await get_content(context, project_id="prj_1")
    assert "to a person" in (result.next_step or "")
    assert "decide_content" not in (result.next_step or "")


async def test_unfinished_content_does_not_wait_for_a_decision(tmp_path):
    upstream = Upstream()
    # an upstream that pays no heed to the status filter
    rows = [container("cnt_1", status="generating", approvalStatus="pending"), container("cnt_2", status=None)]
    rows[1]["approvalStatus"] = "pending"
    upstream.replies[f"GET {CONTENT}"] = {"items": rows}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, project_id="prj_1", awaiting_approval=True)
    assert [item.container_id for item in result.items] == ["cnt_2"]
    assert query_of(upstream.asked(CONTENT)[0])["status"] == ["completed"]


async def test_the_search_for_waiting_content_stops_after_two_hundred_rows(tmp_path):
    upstream = Upstream()
    upstream.replies[f"GET {CONTENT}"] = pages([container(f"cnt_{number}") for number in range(450)])
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, project_id="prj_1", awaiting_approval=True)
    assert len(upstream.asked(CONTENT)) == 4
    assert result.items == []
    assert result.next_cursor == "200"
    assert result.notes == ["200 finished containers were looked through; next_cursor goes on."]


async def test_a_cursor_that_leads_back_ends_the_list(tmp_path):
    upstream = Upstream()
    upstream.replies[f"GET {CONTENT}"] = {"items": [container("cnt_1")], "nextCursor": "again"}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await get_content(context, project_id="prj_1", awaiting_approval=True)
        page = await get_content(context, project_id="prj_1", cursor="again")
    assert result.next_cursor is None
    assert page.next_cursor is None


async def test_an_answer_too_long_is_cut_with_a_note(tmp_path):
    upstream = Upstream()
    upstream.replies[f"GET {CONTENT}"] = pages([container(f"cnt_{n}", caption="y" * 2200) for n in range(50)])
    async with upstream.open_tool_context(tmp_path) as context:
        structured, text = render(await get_content(context, project_id="prj_1", limit=50))
    assert len(text) <= 50_000
    assert len(structured["items"]) < 50
    assert "Ask for fewer containers, or a lower limit." in structured["notes"][-1]


def waiting_in(projects: dict[str, list[dict[str, Any]]]) -> Upstream:
    """Active projects with these finished containers, newest first, as Layers pages them."""
    upstream = Upstream()
    upstream.replies["GET /v1/projects"] = {"items": [{"id": name, "name": f"Name of {name}"} for name in projects]}
    for name, rows in projects.items():

        def listed(request: httpx2.Request, rows: list[dict[str, Any]] = rows) -> dict[str, Any]:
            query = dict(pairs_of(request))
            found = [row for row in rows if not query.get("until") or row["createdAt"] <= query["until"]]
            start, size = int(query.get("cursor", 0)), int(query["limit"])
            more = str(start + size) if start + size < len(found) else None
            return {"items": found[start : start + size], "nextCursor": more}

        upstream.replies[f"GET /v1/projects/{name}/content"] = listed
    return upstream


def made(number: int, minute: int, approval: str = "pending") -> dict[str, Any]:
    return {
        "id": f"cnt_{number}",
        "status": "completed",
        "approvalStatus": approval,
        "hook": "A hook",
        "caption": "A caption",
        "createdAt": f"2026-04-1{minute // 1440}T{minute // 60 % 24:02}:{minute % 60:02}:00Z",
    }


async def everything(upstream: Upstream, state_dir: Path, limit: int) -> list[Item]:
    """What waits in all projects, page by page."""
    found: list[Item] = []
    cursor = ""
    async with upstream.open_tool_context(state_dir) as context:
        while True:
            page = await get_content(context, awaiting_approval=True, limit=limit, cursor=cursor)
            found += page.items
            cursor = page.next_cursor or ""
            if not cursor:
                return found


@pytest.mark.parametrize("limit", [1, 3, 7, 50])
async def test_what_waits_in_all_projects_is_one_list_whatever_the_page(tmp_path: Path, limit: int) -> None:
    projects = {
        "prj_1": [made(number, 4000 - number * 3) for number in range(9)],
        "prj_2": [made(100 + number, 3990 - number, "pending" if number % 3 else "approved") for number in range(80)],
        "prj_3": [],
    }
    pending = [row for rows in projects.values() for row in rows if row["approvalStatus"] == "pending"]
    found = await everything(waiting_in(projects), tmp_path, limit)
    assert len(found) == len({item.container_id for item in found}) == len(pending)
    assert [item.created_at for item in found] == sorted((row["createdAt"] for row in pending), reverse=True)
    assert {(item.project_id, item.project_name) for item in found} == {
        ("prj_1", "Name of prj_1"),
        ("prj_2", "Name of prj_2"),
    }


async def test_nothing_waiting_anywhere_says_where_it_was_looked_for(tmp_path: Path) -> None:
    async with waiting_in({"prj_1": [made(1, 60, "approved")], "prj_2": []}).open_tool_context(tmp_path) as context:
        page = await get_content(context, awaiting_approval=True)
    assert (page.items, page.next_cursor) == ([], None)
    assert page.notes == ["Nothing waits for a decision in 2 active projects."]


async def test_a_project_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    upstream = waiting_in({"prj_1": [made(1, 60)], "prj_2": [made(2, 70)]})
    upstream.replies["GET /v1/projects/prj_2/content"] = refused(403, "FORBIDDEN_SCOPE")
    async with upstream.open_tool_context(tmp_path) as context:
        page = await get_content(context, awaiting_approval=True)
    assert [item.container_id for item in page.items] == ["cnt_1"]
    assert page.notes[0].startswith("Project prj_2 could not be read. FORBIDDEN_SCOPE (403)")
    upstream.replies["GET /v1/projects/prj_1/content"] = refused(403, "FORBIDDEN_SCOPE")
    async with upstream.open_tool_context(tmp_path) as context:
        with pytest.raises(LayersError):
            await get_content(context, awaiting_approval=True)


@pytest.mark.parametrize("arguments", [{"project_id": "prj_1"}, {}])
async def test_pages_that_never_end_are_left_after_twenty(tmp_path: Path, arguments: dict[str, Any]) -> None:
    upstream = waiting_in({"prj_1": []})
    count = iter(range(10_000))
    upstream.replies["GET /v1/projects/prj_1/content"] = lambda _: {"items": [], "nextCursor": f"c{next(count)}"}
    async with upstream.open_tool_context(tmp_path) as context:
        page = await get_content(context, awaiting_approval=True, **arguments)
    assert len(upstream.asked("/v1/projects/prj_1/content")) <= 20
    assert page.next_cursor
    assert any("next_cursor goes on" in note for note in page.notes)


async def test_a_cursor_of_another_kind_is_refused(tmp_path: Path) -> None:
    async with waiting_in({}).open_tool_context(tmp_path) as context:
        for cursor in ("c2", "e30=", "bm9uZQ=="):
            with pytest.raises(ToolError, match="cursor"):
                await get_content(context, awaiting_approval=True, cursor=cursor)


async def test_finished_content_without_a_hook_or_caption_is_noted(tmp_path: Path) -> None:
    bare = {"id": "cnt_1", "status": "completed", "approvalStatus": "pending", "createdAt": "2026-04-16T00:00:00Z"}
    async with waiting_in({"prj_1": [bare]}).open_tool_context(tmp_path) as context:
        page = await get_content(context, awaiting_approval=True)
    assert "Layers gave no hook of 1 item and no caption of 1 item." in page.notes
