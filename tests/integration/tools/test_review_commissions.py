"""review_commissions: the journal joined with one ranking and the content of each project."""

from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2
import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.operations import CloneOrder, HookOrder
from layers_mcp.protocol import ToolError, render
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools.clone_post import clone_post
from layers_mcp.tools.decide_content import decide_content
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.get_content import get_content
from layers_mcp.tools.rank_top_performers import rank_top_performers
from layers_mcp.tools.review_commissions import review_commissions
from tests.support import LoopClock, open_tool_context
from tests.support.tool_harness import open_tool_harness
from tests.support.upstream import NOW, Upstream, query_of, refused

pytestmark = pytest.mark.jumping


def post(post_id: str, views: int, rate: float, *, container: str | None = None, title: str = "A hook") -> dict:
    return {
        "rank": 1,
        "sourceType": "content_container" if container else "platform_post",
        "sourceId": container,
        "platformPostId": post_id,
        "title": title,
        "metricValue": rate,
        "organic": {"views": views, "engagementRate": rate, "watchTimeMs": 1, "platforms": ["tiktok"]},
        "paid": None,
    }


class OrderingUpstream(Upstream):
    """A project `prj_1` whose orders get the container ids `cnt_1`, `cnt_2`, … in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.ordered = 0
        self.ranking: list[dict] = []
        self.content: list[dict] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if request.method == "POST" and path.endswith(("/clone-from-post", "/content")):
            self.requests.append(request)
            self.ordered += 1
            number = self.ordered
            return httpx2.Response(
                202, json={"jobId": f"job_{number}", "kind": "x", "status": "running", "containerId": f"cnt_{number}"}
            )
        for project in ("prj_1", "prj_2"):
            self.replies.setdefault(
                f"GET /v1/projects/{project}/top-performers",
                lambda _: {"metric": "engagement_rate", "window": "90d", "items": self.ranking},
            )
            self.replies.setdefault(f"GET /v1/projects/{project}/content", lambda _: {"items": self.content})
        return super().__call__(request)

    @asynccontextmanager
    async def open(self, state_dir):
        self.replies["GET /v1/credits"] = {"balance": 10_000, "estimatedCreditsPerFormat": {"auto": 120}}
        async with self.open_tool_context(state_dir) as context:
            yield context


def clone(source: str = "pp_1", **extra) -> CloneOrder:
    return CloneOrder(project_id="prj_1", source_platform_post_id=source, **extra)


async def test_an_order_is_held_against_its_source_and_the_median(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone(mode="reimagine"))
        upstream.ranking = [post("pp_9", 500, 0.1, container="cnt_1"), post("pp_1", 900, 0.08), post("pp_2", 900, 0.02)]
        upstream.content = [{"id": "cnt_1", "status": "completed", "approvalStatus": "approved"}]
        result = await review_commissions(context)
    (row,) = result.commissions
    assert (row.project_id, row.tool, row.mode, row.source_platform_post_id) == (
        "prj_1",
        "clone_post",
        "reimagine",
        "pp_1",
    )
    assert (row.status, row.approval_status, row.container_ids[-1]) == ("completed", "approved", "cnt_1")
    assert (row.metric_value, row.source_value) == (0.1, 0.08)
    assert (row.versus_source, row.versus_median, row.low_sample) == (1.25, 1.25, False)
    (mode,) = result.by_mode
    assert mode.model_dump(exclude_none=True) == {
        "mode": "reimagine",
        "commissions": 1,
        "live": 1,
        "judged": 1,
        "beat_source": 1,
        "beat_median": 1,
        "median_versus_source": 1.25,
    }
    assert any("regression to the mean" in note for note in result.notes)
    assert any("on which the verdict rests: 1;" in note for note in result.notes)


async def test_an_empty_journal_is_an_answer_without_any_read(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        result = await review_commissions(context)
    structured, _ = render(result)
    assert structured["commissions"] == []
    assert structured["by_mode"] == []
    assert "no order since 2026-01-17T12:00:00Z" in structured["notes"][0]
    assert upstream.asked("/v1/projects/prj_1/top-performers") == []


async def test_with_nothing_live_it_is_too_early_and_wins_are_left_out(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        structured, _ = render(await review_commissions(context))
    assert structured["by_mode"] == [{"mode": "fork", "commissions": 1, "live": 0, "judged": 0}]
    assert "metric_value" not in structured["commissions"][0]
    assert "Nothing that was ordered is live yet: too early to judge." in structured["notes"]
    assert any("Orders without a known end: 1;" in note for note in structured["notes"])


async def test_orders_without_a_result_are_not_called_too_early(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        for take in (1, 2, 3):
            await context.operations.orders.place(clone(take=take))
        upstream.content = [
            {"id": "cnt_1", "status": "failed"},
            {"id": "cnt_2", "status": "canceled"},
            {"id": "cnt_3", "status": "completed", "approvalStatus": "rejected"},
        ]
        notes = (await review_commissions(context)).notes
        assert "Every order failed, was canceled or was rejected, so nothing of them goes live." in notes
        assert [note for note in notes if "too early" in note] == []


async def test_an_order_that_waits_for_a_person_says_so_however_old(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        upstream.content = [{"id": "cnt_1", "status": "completed", "approvalStatus": "pending"}]
        notes = (await review_commissions(context)).notes
    assert (
        "Pieces that wait for a person's decision and can go live only after it: 1 (get_content with project_id "
        "and awaiting_approval shows them)." in notes
    )


async def test_an_order_that_is_not_live_yet_names_its_source_all_the_same(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        upstream.ranking = [post("pp_1", 900, 0.08, title="The winner")]
        result = await review_commissions(context)
        other = await review_commissions(context, project_id="prj_2")
    assert (result.commissions[0].source_title, result.commissions[0].metric_value) == ("The winner", None)
    assert "holds no order of this project since" in other.notes[0]


async def test_an_order_that_was_never_answered_leads_to_the_call_that_tells_and_not_to_a_job(tmp_path):
    lost = Fault(endpoint="POST /v1/content/:id/clone-from-post", kind="drop_after")
    with Sandbox(faults=[lost]) as sandbox:
        async with open_tool_context(sandbox, tmp_path) as context:
            with pytest.raises(LayersError):
                await clone_post(context, project_id=sandbox.project_id("acme-todo"), source_platform_post_id="pp_1")
            sandbox.faults.clear()
            result = await review_commissions(context)
    assert (result.commissions[0].status, result.commissions[0].job_id) == ("unknown", None)
    assert [note for note in result.notes if "known end" in note or "never answered" in note] == [
        "Orders sent and never answered: 1; the same call again says whether one was placed, and is not charged twice."
    ]


async def test_what_an_order_was_charged_is_read_from_the_ledger(tmp_path):
    clock = LoopClock()
    with Sandbox(clock=clock) as sandbox:
        async with open_tool_context(sandbox, tmp_path) as context:
            hook = {"project_id": sandbox.project_id("acme-todo"), "hook": "Plan less.", "format": "slideshow_remix"}
            await generate_with_hook(context, variations=2, **hook)
            clock.move(minutes=5)
            result = await review_commissions(context)
    assert result.commissions[0].charged_credits == result.credits.charged == 100


@pytest.mark.parametrize(
    ("endpoint", "missing"),
    [
        ("*", ("ranking of", "content of", "names of projects", "was charged", "Jobs that could not be read")),
        ("GET /v1/projects/:id/top-performers", ("ranking of",)),
        ("GET /v1/projects/:id/content", ("content of",)),
        ("GET /v1/projects", ("names of projects",)),
        ("GET /v1/credits/events", ("was charged",)),
        ("GET /v1/jobs/:id", ("Jobs that could not be read",)),
        ("GET /v1/whoami", ()),
    ],
)
async def test_silence_upstream_is_answered_with_the_rest_and_says_what_is_missing(tmp_path, endpoint, missing):
    async with open_tool_harness(tmp_path) as harness:
        order = await harness.ordered()
        harness.sandbox.faults.append(Fault(endpoint=endpoint, kind="latency", seconds=3600))
        told = await harness.facts("review_commissions")
    assert [row["commission_id"] for row in told["commissions"]] == [order["commission_id"]]
    assert told["credits"]["estimated"] == order["estimated_credits"]
    unread = [note for note in told["notes"] if "could not be read" in note]
    assert len(unread) == len(missing)
    assert all(any(words in note for note in unread) for words in missing)


async def test_decisions_say_how_each_piece_stands_with_publishing(tmp_path):
    async with open_tool_harness(tmp_path) as harness:
        container = await harness.finished()
        waiting = await harness.facts("review_commissions")
        await harness.facts("decide_content", container_id=container, decision="approve")
        approved = await harness.facts("review_commissions")
        accounts = (await harness.facts("check_readiness", project_id=harness.project))["accounts"]
        published = await harness.facts(
            "publish_content", container_id=container, social_account_ids=[accounts[0]["social_account_id"]]
        )
        harness.clock.move(minutes=5)
        live = await harness.facts("review_commissions")
    pending = {"container_id": container, "approval_status": "pending", "publication": {"status": "not_published"}}
    assert waiting["commissions"][0]["decisions"] == [pending]
    assert not any("may go live" in note for note in waiting["notes"])
    assert approved["commissions"][0]["decisions"][0]["publication"] == {"status": "not_published"}
    assert "Pieces that may go live and were not published, which is a person's call: 1." in approved["notes"]
    assert not any("not published" in note for note in live["notes"])
    publication = live["commissions"][0]["decisions"][0]["publication"]
    assert publication["status"] == "published"
    assert publication["scheduled_post_ids"] == [published["scheduled_posts"][0]["scheduled_post_id"]]


async def test_small_samples_are_live_and_too_young(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        upstream.ranking = [post("pp_9", 20, 0.9, container="cnt_1"), post("pp_1", 900, 0.08)]
        result = await review_commissions(context)
    assert result.commissions[0].low_sample is True
    assert (result.by_mode[0].live, result.by_mode[0].judged) == (1, 0)
    assert result.by_mode[0].beat_source is result.by_mode[0].beat_median is None, "0 of nothing is no score"
    assert "No live order (1) has 50 views yet: too early to judge." in result.notes


async def test_a_hooks_source_is_the_post_that_no_order_made(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(HookOrder(project_id="prj_1", hook="A hook"))
        await context.operations.orders.place(HookOrder(project_id="prj_1", hook="Nobody posted this"))
        upstream.ranking = [
            post("pp_9", 5000, 0.1, container="cnt_1"),
            post("pp_1", 900, 0.05),
            post("pp_8", 700, 0.04, container="cnt_2", title="Nobody posted this"),
        ]
        result = await review_commissions(context)
    first, second = sorted(result.commissions, key=lambda row: row.hook or "")
    assert (first.mode, first.hook, first.source_value, first.versus_source) == ("hook", "A hook", 0.05, 2.0)
    assert second.versus_source is None
    assert second.versus_median is not None
    assert any(
        note == "Live orders whose source is not in the ranking, and so without versus_source: 1."
        for note in result.notes
    )


@pytest.mark.parametrize(("since", "remedy"), [("30d", "; since=90d may show it"), ("90d", "")])
async def test_a_source_that_is_missing_from_a_short_ranking_is_said_to_be_perhaps_in_a_longer_one(
    tmp_path, since, remedy
):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        upstream.ranking = [post("pp_9", 5000, 0.1, container="cnt_1")]
        result = await review_commissions(context, since=since)
    lost = f"Live orders whose source is not in the ranking, and so without versus_source: 1{remedy}."
    assert lost in result.notes


async def test_a_post_made_by_an_order_from_before_since_is_no_source(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open_tool_context(tmp_path, now=NOW - timedelta(days=20)) as context:
        await context.operations.orders.place(clone())
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(HookOrder(project_id="prj_1", hook="A hook"))
        upstream.ranking = [
            post("pp_8", 5000, 0.2, container="cnt_1"),
            post("pp_1", 900, 0.05),
            post("pp_9", 500, 0.1, container="cnt_2"),
        ]
        (row,) = (await review_commissions(context, since="7d")).commissions
    assert row.source_value == 0.05


@pytest.mark.slow
async def test_full_rankings_of_many_projects_are_joined_with_the_journal(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        for number in range(25):
            project = f"prj_{100 + number}"
            await context.operations.orders.place(HookOrder(project_id=project, hook="A hook"))
            rows = [post(f"pp_{row}", 500, 0.05, container=f"cnt_x{number}_{row}") for row in range(100)]
            ranking = {"metric": "engagement_rate", "window": "90d", "items": rows}
            upstream.replies[f"GET /v1/projects/{project}/top-performers"] = ranking
            upstream.replies[f"GET /v1/projects/{project}/content"] = {"items": []}
        result = await review_commissions(context)
    assert [note for note in result.notes if "of project prj_" in note and "could not be read" in note] == []


async def test_by_mode_covers_every_order_and_the_list_only_the_newest(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        for take in range(1, 5):
            await context.operations.orders.place(clone(take=take))
        result = await review_commissions(context, limit=2)
    assert len(result.commissions) == 2
    assert result.by_mode[0].commissions == 4
    assert "The newest 2 of 4 orders are listed; by_mode covers them all." in result.notes


@pytest.mark.parametrize(
    ("since", "window"), [("3d", "7d"), ("7d", "7d"), ("8d", "30d"), ("90d", "90d"), ("30w", "90d")]
)
async def test_one_ranking_a_project_in_the_smallest_window_that_covers_since(tmp_path, since, window):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        await context.operations.orders.place(clone(take=2))
        result = await review_commissions(context, since=since)
    (request,) = upstream.asked("/v1/projects/prj_1/top-performers")
    assert query_of(request) == {
        "metric": ["engagement_rate"],
        "window": [window],
        "limit": ["100"],
        "includeIneligible": ["true"],
    }
    assert len(upstream.asked("/v1/projects/prj_1/content")) == 1
    beyond = any("Rankings reach back 90 days at most" in note for note in result.notes)
    assert beyond is (since == "30w")


async def test_a_window_is_not_missed_by_the_fraction_of_a_second(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open_tool_context(tmp_path, now=NOW.replace(microsecond=400_000)) as context:
        await context.operations.orders.place(clone())
        await review_commissions(context, since="7d")
        result = await review_commissions(context)
    windows = [query_of(request)["window"] for request in upstream.asked("/v1/projects/prj_1/top-performers")]
    assert windows == [["7d"], ["90d"]]
    assert [note for note in result.notes if "90 days at most" in note] == []


async def test_a_project_can_be_asked_for_alone(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        await context.operations.orders.place(HookOrder(project_id="prj_2", hook="A hook"))
        one = await review_commissions(context, project_id="prj_2")
        both = await review_commissions(context)
    assert [row.project_id for row in one.commissions] == ["prj_2"]
    assert {row.project_id for row in both.commissions} == {"prj_1", "prj_2"}


async def test_a_project_that_cannot_be_read_does_not_hide_the_others(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        await context.operations.orders.place(HookOrder(project_id="prj_2", hook="A hook"))
        upstream.ranking = [post("pp_9", 500, 0.1, container="cnt_1"), post("pp_1", 900, 0.08)]
        upstream.replies["GET /v1/projects/prj_2/top-performers"] = refused(403, "FORBIDDEN_SCOPE")
        upstream.replies["GET /v1/projects/prj_2/content"] = refused(404, "NOT_FOUND")
        result = await review_commissions(context)
    by_project = {row.project_id: row for row in result.commissions}
    assert by_project["prj_1"].versus_source == 1.25
    assert by_project["prj_2"].metric_value is None
    assert any(
        note.startswith("The ranking of project prj_2 could not be read: FORBIDDEN_SCOPE") for note in result.notes
    )
    assert any(note.startswith("The content of project prj_2 could not be read: NOT_FOUND") for note in result.notes)


async def test_an_order_from_before_the_ranking_is_not_called_too_early(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
    async with upstream.open_tool_context(tmp_path, now=NOW + timedelta(days=100)) as context:
        result = await review_commissions(context, since="52w")
    assert [note for note in result.notes if "too early" in note] == [
        "No order is in the ranking now: too early to judge, or published before it begins."
    ]


async def test_nothing_is_said_of_what_is_live_where_no_ranking_could_be_read(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        upstream.replies["GET /v1/projects/prj_1/top-performers"] = refused(403, "FORBIDDEN_SCOPE")
        result = await review_commissions(context)
    assert [note for note in result.notes if "live" in note] == []
    assert result.by_mode[0].commissions == 1
    assert result.by_mode[0].live is result.by_mode[0].judged is None


async def test_the_source_of_a_hook_is_no_order_of_ours_however_its_container_is_spelled(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(HookOrder(project_id="prj_1", hook="A hook"))
        upstream.ranking = [post("pp_9", 900, 0.3, container="1"), post("pp_1", 500, 0.1)]
        result = await review_commissions(context)
    assert (result.commissions[0].metric_value, result.commissions[0].source_value) == (0.3, 0.1)


async def test_more_projects_than_are_read_are_named_in_a_note(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        for number in range(26):
            await context.operations.orders.place(HookOrder(project_id=f"prj_{100 + number}", hook="A hook"))
        result = await review_commissions(context, limit=100)
    assert len(result.commissions) == 26
    assert "Results were read for 25 of 26 projects; name a project_id for another." in result.notes
    assert len([request for request in upstream.requests if request.url.path.endswith("top-performers")]) == 25


async def test_an_order_below_a_full_ranking_is_unranked_and_the_note_says_what_follows(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        upstream.ranking = [post(f"pp_{number}", 500, 0.05) for number in range(100)]
        upstream.content = [{"id": "cnt_1", "status": "completed", "approvalStatus": "not_required"}]
        result = await review_commissions(context)
    assert result.commissions[0].status == "unranked"
    assert result.by_mode[0].live == 0
    assert any("wins are overstated" in note for note in result.notes)
    assert any("A ranking is full" in note for note in result.notes)
    assert [note for note in result.notes if "too early" in note] == []


async def test_every_page_of_content_is_read_and_a_cursor_that_stands_still_ends_it(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())

        def content(request: httpx2.Request) -> dict:
            if "cursor" not in query_of(request):
                return {"items": [], "nextCursor": "x"}
            return {"items": [{"id": "cnt_1", "status": "failed", "approvalStatus": "pending"}], "nextCursor": "x"}

        upstream.replies["GET /v1/projects/prj_1/content"] = content
        result = await review_commissions(context, since="7d")
    first, _ = upstream.asked("/v1/projects/prj_1/content")
    assert result.commissions[0].approval_status == "pending"
    assert query_of(first) == {
        "since": ["2026-04-10T12:00:00Z"],
        "limit": ["200"],
    }


async def test_the_end_of_a_job_nobody_waited_for_is_looked_up_and_written_down(tmp_path):
    upstream = OrderingUpstream()
    result = {"containerId": "cnt_1", "containerIds": ["cnt_1", "cnt_1b"]}
    upstream.replies["GET /v1/jobs/job_1"] = {"jobId": "job_1", "kind": "x", "status": "completed", "result": result}
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone(variations=2))
        for _ in range(2):
            (row,) = (await review_commissions(context)).commissions
            assert row.status == "completed"
            assert {"cnt_1", "cnt_1b"} <= set(row.container_ids)
    assert len(upstream.asked("/v1/jobs/job_1")) == 1


async def test_an_end_that_the_content_shows_is_written_down(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        await context.operations.orders.place(clone())
        upstream.content = [{"id": "cnt_1", "status": "failed", "approvalStatus": "not_required"}]
        assert (await review_commissions(context)).commissions[0].status == "failed"
        ((record,), _) = await context.operations.history.since(NOW - timedelta(days=1))
    assert record.status == "failed"


async def test_a_bad_since_is_refused_before_anything_is_read(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        with pytest.raises(ToolError) as failure:
            await review_commissions(context, since="soon")
    assert failure.value.code == "INVALID_ARGUMENT"
    assert upstream.requests == []


async def test_a_journal_that_cannot_be_read_is_said(tmp_path):
    upstream = OrderingUpstream()
    (tmp_path / "orders.db").write_text("no database" * 200)
    async with upstream.open(tmp_path) as context:
        ids = await get_content(context, container_ids=("cnt_1",))
        result = await review_commissions(context)
    assert result.commissions == []
    assert "The order journal could not be read or written: its file is damaged." in result.notes
    assert "The order journal could not be read or written: its file is damaged." in ids.notes


async def test_a_commission_is_known_by_its_container_in_get_content(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        placed = await context.operations.orders.place(clone())
        upstream.replies["GET /v1/content/cnt_1"] = {"id": "cnt_1", "status": "completed"}
        upstream.replies["GET /v1/content/cnt_77"] = {"id": "cnt_77", "status": "completed"}
        result = await get_content(context, container_ids=("cnt_1", "cnt_77"))
    assert placed.record is not None
    assert [item.commission_id for item in result.items] == [placed.record.commission_id, None]


async def test_after_a_simulated_month_the_wins_are_those_of_the_world(tmp_path):
    """Six orders on acme-todo; the counts must be what the ranking itself shows, and follow the hidden truth."""
    clock = LoopClock()
    with Sandbox(clock=clock) as sandbox:
        project = sandbox.project_id("acme-todo")
        async with open_tool_context(sandbox, tmp_path) as context:
            ranking = await rank_top_performers(context, project_id=project, metric="engagement_rate", limit=3)
            for row in ranking.items:
                for mode in ("fork", "reimagine"):
                    await clone_post(
                        context,
                        project_id=project,
                        source_platform_post_id=row.platform_post_id,
                        mode=mode,
                        variations=2,
                    )
            await generate_with_hook(context, project_id=project, hook=ranking.items[0].title, variations=2)
            clock.move(minutes=1)
            waiting = await get_content(context, project_id=project, awaiting_approval=True, limit=50)
            assert len(waiting.items) == 14
            for item in waiting.items:
                await decide_content(context, item.container_id, "approve")
            sandbox.publish_finished("acme-todo")
            clock.move(days=28)
            review = await review_commissions(context, project_id=project)
            board = await rank_top_performers(
                context, project_id=project, metric="engagement_rate", window="90d", limit=100
            )
        truth = {one.container_id: one.engagement_rate for one in sandbox.truth("acme-todo") if one.container_id}
    assert [mode.mode for mode in review.by_mode] == ["fork", "reimagine", "hook"]
    assert [mode.commissions for mode in review.by_mode] == [3, 3, 1]
    seen = {row.source_id: row for row in board.items if row.source_id}
    sources = {row.platform_post_id: row for row in board.items}
    wins = dict.fromkeys(("fork", "reimagine", "hook"), 0)
    for order in review.commissions:
        rows = [seen[container] for container in order.container_ids if container in seen]
        assert len(rows) == 2
        assert {row.source_id for row in rows} <= set(truth)
        views = sum(row.views for row in rows)
        rate = sum(row.views * row.engagement_rate for row in rows) / views
        assert order.metric_value == pytest.approx(rate, rel=1e-3)
        expected = sum(row.views * truth[row.source_id] for row in rows) / views
        assert rate == pytest.approx(expected, abs=4 * (expected / views) ** 0.5)
        if order.mode != "hook":
            source = sources[order.source_platform_post_id]
            assert order.source_value == pytest.approx(source.engagement_rate)
        wins[order.mode] += rate > order.source_value
    assert {mode.mode: mode.beat_source for mode in review.by_mode} == wins


async def test_a_mode_is_held_against_what_its_sources_should_be_expected_to_earn(tmp_path):
    upstream = OrderingUpstream()
    rates = (31, 28, 34, 29, 33, 30, 27, 32)
    others = [post(f"pp_{number}", 3000, rate / 1000) for number, rate in enumerate(rates, 2)]
    made = [post(f"pp_new_{number}", 3000, 0.07 + number / 1000, container=f"cnt_{number}") for number in (1, 2, 3)]
    upstream.ranking = [post("pp_1", 9000, 0.085), *made, *others]
    spent = {"eventType": "usage", "credits": -120, "containerId": "cnt_1", "createdAt": "2026-04-17T00:00:00Z"}
    upstream.replies["GET /v1/credits/events"] = {"items": [spent | {"eventId": "e1"}]}
    upstream.replies["GET /v1/projects"] = {"items": [{"id": "prj_1", "name": "acme"}]}
    async with upstream.open(tmp_path) as context:
        for take in (1, 2, 3):
            await context.operations.orders.place(clone(take=take))
        result = await review_commissions(context)
    assert {row.project_name for row in result.commissions} == {"acme"}
    assert {row.source_title for row in result.commissions} == {"A hook"}
    assert (result.credits.charged, {row.charged_credits for row in result.commissions}) == (120, {120, None})
    assert all(0.8 < (row.versus_expected or 0) < 1.1 for row in result.commissions)
    (mode,) = result.by_mode
    assert mode.beat_source == 0
    assert 0.6 < (mode.lift_low or 0) < (mode.lift or 0) < (mode.lift_high or 0) < 1.4
    assert (mode.times_usual or 0) > 1.5
    assert any("as good as its sources so far" in note for note in result.notes)
    assert result.credits.estimated == sum(row.estimated_credits or 0 for row in result.commissions)


async def test_what_was_charged_is_told_per_order_and_in_all_with_refunds_subtracted(tmp_path):
    async with open_tool_harness(tmp_path) as harness:
        failing = Fault(endpoint="*", kind="job_failed")
        harness.sandbox.faults.append(failing)
        failed = await harness.ordered()
        harness.sandbox.faults.remove(failing)
        post = await harness.winner()
        pair = {"project_id": harness.project, "source_platform_post_id": post, "variations": 2}
        cloned = await harness.facts("clone_post", **pair)
        harness.clock.move(minutes=5)
        review = await harness.facts("review_commissions", project_id=harness.project)
        charged = {row["commission_id"]: row["charged_credits"] for row in review["commissions"]}
        assert charged == {failed["commission_id"]: 0, cloned["commission_id"]: 240}
        assert review["credits"] == {"estimated": 360, "charged": 240}
        assert not any("ledger" in note for note in review["notes"])
        assert harness.spent() == -240


async def test_of_a_ledger_that_was_not_read_to_its_end_only_whole_accounts_count(tmp_path):
    upstream = OrderingUpstream()
    async with upstream.open(tmp_path) as context:
        for source in ("pp_1", "pp_2"):
            await context.operations.orders.place(clone(source))

        def events(request: httpx2.Request) -> dict:
            number = int(query_of(request).get("cursor", ["0"])[0])
            page = [("cnt_2", "refund", 60), ("cnt_1", "refund", 120)] if number == 0 else []
            page += [("cnt_2", "usage", -120)] if number == 4 else []
            return {
                "items": [
                    {"eventId": f"e{number}{at}", "containerId": name, "eventType": kind, "credits": amount}
                    for at, (name, kind, amount) in enumerate(page)
                ],
                "nextCursor": str(number + 1),
            }

        upstream.replies["GET /v1/credits/events"] = events
        result = await review_commissions(context)
    assert {row.container_ids[0]: row.charged_credits for row in result.commissions} == {"cnt_1": None, "cnt_2": 60}
    assert result.credits.charged == 60
    assert "Layers' ledger names 1 of these 2 orders: credits.charged is of those alone." in result.notes
