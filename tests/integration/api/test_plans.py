"""How an order or a publication goes on the wire in each vintage, and what a vintage turns down instead of dropping."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from layers_mcp.api.dialects.base import CloneBrief, HookBrief, Vintage
from layers_mcp.api.errors import (
    ApprovalRequired,
    BadResponse,
    Conflict,
    ContentRejected,
    ForbiddenScope,
    InvalidArgument,
    LayersError,
    NotSupported,
)
from layers_mcp.api.models import Asset, Container, SocialAccount
from layers_mcp.api.plans import OrderRequest, WriteRequest
from tests.support.upstream import Reply, Upstream, client, ok, refused, routed

POST = CloneBrief(project_id="prj_1", container_id="3f2a", source_platform_post_id="pp_1", variations=3)
TIKTOK = replace(POST, source_platform_post_id="7412345678901234567")
HOOK = HookBrief(project_id="prj_1", hook="Plan less.", variations=2)
INFLUENCERS = "GET /v1/projects/prj_1/influencers"


def influencers(*ready: str) -> dict[str, Reply]:
    rows = [{"influencerId": one, "name": "x", "status": "ready"} for one in ready]
    return {INFLUENCERS: ok({"items": rows, "nextCursor": None})}


async def plan(
    brief: CloneBrief | HookBrief, vintage: Vintage, replies: dict[str, Reply] | None = None
) -> tuple[tuple[OrderRequest, ...], tuple[str, ...]]:
    async with client(Upstream(routed(replies or {})), vintage=vintage) as layers:
        make = layers.content.plan_clone(brief) if isinstance(brief, CloneBrief) else layers.content.plan_hook(brief)
        made = await make
    return made.requests, made.notes


async def test_the_preview_makes_all_variations_in_one_request_under_the_containers_own_id() -> None:
    brief = replace(POST, mode="reimagine", caption="C", cta="T", voice_over_script="V", layer_id="lay_1")
    (request,), _ = await plan(brief, "preview")
    assert (request.path, request.pieces, request.price_keys) == ("/v1/content/3f2a/clone-from-post", 3, ())
    assert request.body == {
        "projectId": "prj_1",
        "sourcePlatformPostId": "pp_1",
        "mode": "reimagine",
        "variations": 3,
        "projectLayerId": "lay_1",
        "overrides": {"caption": "C", "cta": "T", "voiceOverScript": "V"},
    }


async def test_the_preview_carries_a_hook_in_a_brief() -> None:
    brief = replace(HOOK, format="ugc_remix", cta="T", target_platforms=("tiktok",), theme_tags=("a",), layer_id="l")
    (request,), _ = await plan(replace(brief, influencer_id="inf_1"), "preview")
    assert (request.path, request.pieces, request.price_keys) == ("/v1/projects/prj_1/content", 2, ("ugc_remix",))
    assert request.body == {
        "format": "ugc_remix",
        "variantCount": 2,
        "brief": {
            "hook": "Plan less.",
            "cta": "T",
            "targetPlatforms": ["tiktok"],
            "themeTags": ["a"],
            "influencerId": "inf_1",
        },
        "projectLayerId": "l",
    }
    (plain,), _ = await plan(HOOK, "preview")
    assert plain.body == {"format": "auto", "variantCount": 2, "brief": {"hook": "Plan less."}}


@pytest.mark.parametrize("format_", ["auto", "slideshow_remix"])
async def test_the_current_vintage_makes_a_slideshow_a_request_and_needs_nobody_to_speak(format_: str) -> None:
    requests, notes = await plan(replace(HOOK, format=format_), "current")
    assert [request.path for request in requests] == ["/v1/projects/prj_1/content/slideshow-builder"] * 2
    assert [request.body for request in requests] == [{"hook": "Plan less."}] * 2
    assert {(request.pieces, request.price_keys) for request in requests} == {(1, ("slideshow_builder",))}
    said = ("Format auto is a slideshow here; ugc_remix makes a video.",)
    assert notes == (said if format_ == "auto" else ())
    (chosen, _), _ = await plan(replace(HOOK, influencer_id="inf_1", social_account_id="sa_1"), "current")
    assert chosen.body == {"hook": "Plan less.", "socialAccountId": "sa_1", "influencerId": "inf_1"}


@pytest.mark.parametrize(
    ("chosen", "ready", "speaker"),
    [
        ({"influencer_id": "inf_9"}, (), {"influencerId": "inf_9"}),
        ({"social_account_id": "sa_1"}, (), {"socialAccountId": "sa_1"}),
        ({}, ("inf_1",), {"influencerId": "inf_1"}),
    ],
    ids=["an influencer", "an account", "the one that is ready"],
)
async def test_someone_speaks_in_a_video_the_chosen_one_or_the_only_one_that_is_ready(
    chosen: dict[str, str], ready: tuple[str, ...], speaker: dict[str, str]
) -> None:
    said, _ = await plan(replace(HOOK, format="ugc_remix", **chosen), "current", influencers(*ready))
    remixed, _ = await plan(replace(TIKTOK, **chosen), "current", influencers(*ready))
    assert [(request.path, request.body) for request in said] == [
        ("/v1/projects/prj_1/content/ugc-remix", {"hook": "Plan less.", **speaker})
    ] * 2
    assert [(request.path, request.body) for request in remixed] == [
        ("/v1/projects/prj_1/content/video-remix", {"tiktokVideoId": "7412345678901234567", **speaker})
    ] * 3
    assert [request.price_keys for request in (*said, *remixed)] == [("ugc_remix",)] * 2 + [("video_remix",)] * 3


@pytest.mark.parametrize(
    ("chosen", "ready", "told"),
    [
        ({}, (), "no influencer of the project is ready"),
        ({}, ("inf_1", "inf_2", "not an\u202eid"), "inf_1, inf_2."),
        ({"influencer_id": "a", "social_account_id": "b"}, (), "one of them speaks"),
    ],
    ids=["nobody", "several", "both"],
)
async def test_a_speaker_that_has_to_be_chosen_is_asked_for(
    chosen: dict[str, str], ready: tuple[str, ...], told: str
) -> None:
    for brief in (replace(HOOK, format="ugc_remix", **chosen), replace(TIKTOK, **chosen)):
        with pytest.raises(InvalidArgument) as refusal:
            await plan(brief, "current", influencers(*ready))
        assert told in refusal.value.reason
        assert "\u202e" not in refusal.value.reason
        assert refusal.value.hint


async def test_a_key_that_may_not_read_influencers_is_told_to_name_one() -> None:
    with pytest.raises(ForbiddenScope) as refusal:
        await plan(TIKTOK, "current", {INFLUENCERS: refused(403, "FORBIDDEN_SCOPE")})
    assert "influencers:write" in refusal.value.reason
    assert "influencer_id" in refusal.value.hint


@pytest.mark.parametrize(
    ("brief", "vintage", "named"),
    [
        (POST, "current", "generate_with_hook"),
        (replace(HOOK, format="video_remix"), "current", "ugc_remix"),
        (replace(HOOK, cta="T", theme_tags=("a",)), "current", "cta, theme_tags"),
        (replace(HOOK, target_platforms=("tiktok",)), "current", "target_platforms"),
        (replace(HOOK, layer_id="l"), "current", "layer_id"),
        (replace(TIKTOK, caption="C"), "current", "caption"),
        (replace(TIKTOK, voice_over_script="C"), "current", "voice_over_script"),
        (replace(POST, influencer_id="inf_1"), "preview", "influencer_id"),
        (replace(POST, social_account_id="sa_1"), "preview", "social_account_id"),
        (replace(HOOK, social_account_id="sa_1"), "preview", "social_account_id"),
    ],
)
async def test_what_a_vintage_cannot_do_is_turned_down_with_what_works_instead(
    brief: CloneBrief | HookBrief, vintage: Vintage, named: str
) -> None:
    with pytest.raises(NotSupported) as refusal:
        await plan(brief, vintage)
    assert named in refusal.value.hint
    assert (refusal.value.code, refusal.value.nothing_changed) == ("NOT_SUPPORTED", True)


async def test_a_remix_says_that_it_knows_no_mode() -> None:
    _, notes = await plan(replace(TIKTOK, mode="reimagine", influencer_id="inf_1"), "current")
    assert "fork and reimagine are the same" in notes[0]


async def test_a_request_of_a_plan_is_sent_as_it_is_under_its_key() -> None:
    upstream = Upstream(ok({"jobId": "job_1", "containerIds": ["cnt_1"]}, 202))
    async with client(upstream) as layers:
        reply = await layers.content.order(
            OrderRequest(path="/v1/projects/prj_1/content/ugc-remix", body={"hook": "Grüße"}), idempotency_key="k"
        )
    sent = upstream.requests[0]
    assert (sent.url.path, sent.content) == ("/v1/projects/prj_1/content/ugc-remix", '{"hook":"Grüße"}'.encode())
    assert sent.headers["idempotency-key"] == "k"
    assert (reply.job_id, reply.container_ids) == ("job_1", ("cnt_1",))


# Publishing

VIDEO = Container(container_id="cnt_1", assets=(Asset(kind="video"),))
PICTURES = Container(container_id="cnt_1", assets=(Asset(kind="image"),))
ACCOUNTS = [
    SocialAccount(social_account_id="sa_i", platform="instagram"),
    SocialAccount(social_account_id="sa_t", platform="tiktok"),
]
TOMORROW = datetime(2026, 4, 18, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("vintage", "container", "mode", "modes"),
    [
        ("current", VIDEO, "publish", ["publish", "publish"]),
        ("current", PICTURES, "draft", ["draft", "draft"]),
        ("preview", VIDEO, "publish", ["reels", "direct_publish"]),
        ("preview", PICTURES, "publish", ["feed", "direct_publish"]),
        ("preview", VIDEO, "draft", ["draft_to_device", "draft_to_device"]),
        ("preview", Container(container_id="cnt_1", format="slideshow_remix"), "publish", ["feed", "direct_publish"]),
        ("preview", Container(container_id="cnt_1", format="ugc_remix"), "publish", ["reels", "direct_publish"]),
    ],
)
async def test_the_way_content_goes_out_is_in_the_words_of_the_vintage_and_the_platform(
    vintage: Vintage, container: Container, mode: str, modes: list[str]
) -> None:
    async with client(Upstream(ok({})), vintage=vintage) as layers:
        request = await layers.publishing.plan("prj_1", container, ACCOUNTS, mode=mode)  # type: ignore[arg-type]
    assert request.path == "/v1/content/cnt_1/publish"
    assert [target["mode"] for target in request.body["targets"]] == modes
    assert [target["socialAccountId"] for target in request.body["targets"]] == ["sa_i", "sa_t"]


async def test_a_publication_at_a_time_is_a_schedule_in_utc_with_its_texts() -> None:
    async with client(Upstream(ok({})), vintage="current") as layers:
        request = await layers.publishing.plan(
            "prj_1", VIDEO, ACCOUNTS[:1], caption="C", first_comment="F", scheduled_for=TOMORROW
        )
    assert request == WriteRequest(
        path="/v1/content/cnt_1/schedule",
        body={
            "scheduledFor": "2026-04-18T07:00:00Z",
            "targets": [
                {"socialAccountId": "sa_i", "mode": "publish", "captionOverride": "C", "firstCommentOverride": "F"}
            ],
        },
    )


@pytest.mark.parametrize(
    ("answer", "ids", "gate"),
    [
        ({"scheduledPostIds": ["sp_1", "sp_2"]}, ("sp_1", "sp_2"), None),
        ({"scheduledPostId": "sp_1", "gateStatus": "blocked_on_approval"}, ("sp_1",), "blocked_on_approval"),
        ({"scheduledPosts": [{"scheduledPostId": "sp_1"}, {"id": "sp_2"}, None]}, ("sp_1", "sp_2"), None),
        ({"gateStatus": "blocked_on_approval"}, (), "blocked_on_approval"),
    ],
)
async def test_a_publication_names_its_scheduled_posts_in_any_form(
    answer: dict[str, object], ids: tuple[str, ...], gate: str | None
) -> None:
    upstream = Upstream(ok(answer, 202))
    async with client(upstream) as layers:
        reply = await layers.publishing.send(WriteRequest(path="/v1/content/c/publish", body={}), idempotency_key="k")
    assert (reply.scheduled_post_ids, reply.gate_status) == (ids, gate)
    assert upstream.requests[0].headers["idempotency-key"] == "k"


async def test_an_answer_that_names_nothing_is_not_taken_for_a_publication() -> None:
    async with client(Upstream(ok({"ok": True}, 202))) as layers:
        with pytest.raises(BadResponse) as failure:
            await layers.publishing.send(WriteRequest(path="/v1/content/c/publish", body={}), idempotency_key="k")
    assert not failure.value.nothing_changed


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refused(403, "APPROVAL_REQUIRED"), ApprovalRequired),
        (refused(409, "CONTENT_REJECTED"), ContentRejected),
        (refused(403, "FORBIDDEN_SCOPE"), ForbiddenScope),
    ],
)
async def test_a_publication_that_is_turned_down_changed_nothing(reply: Reply, kind: type[LayersError]) -> None:
    async with client(Upstream(reply)) as layers:
        with pytest.raises(kind) as refusal:
            await layers.publishing.send(WriteRequest(path="/v1/content/c/publish", body={}), idempotency_key="k")
    assert refusal.value.nothing_changed
    assert "publish:write" in refusal.value.reason or kind is not ForbiddenScope


ROW = {
    "id": "sp_1",
    "containerId": "cnt_1",
    "socialAccountId": "sa_1",
    "platform": "tiktok",
    "mode": "direct_publish",
    "status": "draft_in_inbox",
    "externalUrl": None,
    "scheduledFor": "2026-04-18T07:00:00Z",
    "lastError": {"code": "CREDENTIAL_INVALID", "message": "expired"},
}


async def test_the_schedule_reads_alike_in_both_vintages() -> None:
    upstream = Upstream(ok({"items": [ROW, {**ROW, "mode": "publish", "status": "draft"}]}), ok(ROW))
    async with client(upstream, vintage="preview") as layers:
        page = await layers.publishing.list("prj_1", status=["draft", "queued"], since=TOMORROW, social_account_id="sa")
        post = await layers.publishing.get("sp_1")
    assert page.items[0] == page.items[1] == post
    assert (post.status, post.mode, post.scheduled_for) == ("draft", "publish", TOMORROW)
    assert post.error is not None
    assert post.error.code == "CREDENTIAL_INVALID"
    assert upstream.requests[0].url.params.multi_items() == [
        ("status", "draft_in_inbox"),
        ("status", "queued"),
        ("socialAccountId", "sa"),
        ("since", "2026-04-18T07:00:00Z"),
        ("limit", "50"),
    ]


async def test_a_scheduled_post_can_be_moved_and_taken_out() -> None:
    upstream = Upstream(
        ok({"id": "sp_1", "status": "queued", "scheduledFor": "2026-04-18T07:00:00Z", "updatedAt": "x"}),
        ok({"id": "sp_1", "status": "canceled", "canceledAt": "2026-04-17T12:00:00Z"}),
        refused(409, "CONFLICT"),
    )
    async with client(upstream) as layers:
        assert (await layers.publishing.reschedule("sp_1", scheduled_for=TOMORROW)).scheduled_for == TOMORROW
        assert (await layers.publishing.cancel("sp_1", reason="late")).status == "canceled"
        with pytest.raises(Conflict):
            await layers.publishing.cancel("sp_1")
    sent = [(request.method, request.url.path, request.content) for request in upstream.requests]
    assert sent == [
        ("POST", "/v1/scheduled-posts/sp_1/reschedule", b'{"scheduledFor":"2026-04-18T07:00:00Z"}'),
        ("DELETE", "/v1/scheduled-posts/sp_1", b'{"reason":"late"}'),
        ("DELETE", "/v1/scheduled-posts/sp_1", b""),
    ]


# What else the current vintage tells


async def test_the_ledger_tells_what_was_charged_and_what_came_back() -> None:
    rows = [
        {"eventId": "e1", "credits": -120, "eventType": "usage", "containerId": "cnt_1", "createdAt": "2026-04-17"},
        {"credits": 120, "eventType": "refund", "containerId": None},  # an entry without an id counts as any other
    ]
    upstream = Upstream(ok({"items": rows, "nextCursor": None}))
    async with client(upstream) as layers:
        page = await layers.credits.events(project_id="prj_1", event_type="usage", since=TOMORROW)
    assert [(event.credits, event.container_id) for event in page.items] == [(-120, "cnt_1"), (120, None)]
    assert upstream.requests[0].url.params.multi_items()[:2] == [("projectId", "prj_1"), ("eventType", "usage")]


async def test_an_approval_tells_which_posts_it_set_going() -> None:
    promotion = {"status": "ok", "scheduledPostIds": ["sp_1"]}
    answer = {"id": "cnt_1", "approvalStatus": "approved", "pendingSchedulePromotion": promotion}
    async with client(Upstream(ok(answer))) as layers:
        decision = await layers.content.approve("cnt_1")
    assert decision.pending_schedule_promotion is not None
    assert decision.pending_schedule_promotion.scheduled_post_ids == ("sp_1",)
