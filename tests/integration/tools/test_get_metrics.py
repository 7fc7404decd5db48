"""Organic results over time: the window that is sent, the series that comes back, and what a reader is told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from layers_mcp.protocol import ToolError, render
from layers_mcp.protocol.arguments import validate
from layers_mcp.protocol.schema import describe
from layers_mcp.sandbox import Fault
from layers_mcp.tools._series import Series
from layers_mcp.tools.get_metrics import get_metrics
from tests.support.tool_harness import open_tool_harness
from tests.support.upstream import Upstream, pairs_of, refused

PROJECT = "prj_01HX9Y7K8M2P4RSTUV56789AB"
METRICS = f"GET /v1/projects/{PROJECT}/metrics"
NOW = datetime(2026, 4, 17, 9, 30, tzinfo=UTC)
SCHEMA = describe(get_metrics)["inputSchema"]


def bucket(day: str, views: int = 10, **values: Any) -> dict[str, Any]:
    return {"bucket": day, "views": views, **values}


def answer(*series: dict[str, Any], granularity: str = "day", since: str = "", **totals: Any) -> Upstream:
    window = {"since": since, "until": "2026-04-17T00:00:00Z", "granularity": granularity}  # empty: as asked for
    body = {"scope": "project", "id": PROJECT, "window": window, "series": list(series), "totals": totals}
    upstream = Upstream()
    upstream.replies[METRICS] = body
    return upstream


async def measured(upstream: Upstream, state_dir: Path, **arguments: Any) -> Series:
    async with upstream.open_tool_context(state_dir, now=NOW) as context:
        return await get_metrics(context, project_id=PROJECT, **arguments)


async def test_where_nothing_was_viewed_there_is_no_engagement_rate(tmp_path: Path) -> None:
    unseen, seen = bucket("2026-04-15", views=0, engagement_rate=0.0), bucket("2026-04-16", engagement_rate=0.0)
    result = await measured(answer(unseen, seen, views=10, engagement_rate=0.0), tmp_path)
    assert result.series == [{"bucket": "2026-04-15", "views": 0}, seen]
    assert result.totals == {"views": 10, "engagement_rate": 0.0}
    nothing = await measured(answer(unseen, views=0, engagement_rate=0.0), tmp_path)
    assert nothing.totals == {"views": 0}


async def test_the_defaults_ask_for_the_last_30_days_of_the_project_by_day(tmp_path: Path) -> None:
    upstream = answer(bucket("2026-04-16"))
    await measured(upstream, tmp_path)
    assert [pairs_of(request) for request in upstream.requests] == [
        [
            ("scope", "project"),
            ("id", PROJECT),
            ("metrics", "views"),
            ("metrics", "engagement_rate"),
            ("metrics", "watch_time_ms"),
            ("since", "2026-03-18T09:30:00Z"),
            ("until", "2026-04-17T09:30:00Z"),
            ("granularity", "day"),
        ]
    ]


@pytest.mark.parametrize(
    ("since", "until", "sent"),
    [
        ("2026-04-10", "2026-04-17", ("2026-04-10T00:00:00Z", "2026-04-17T00:00:00Z")),
        ("2026-04-10T02:00:00+02:00", "1d", ("2026-04-10T00:00:00Z", "2026-04-16T09:30:00Z")),
        ("24h", "", ("2026-04-16T09:30:00Z", "2026-04-17T09:30:00Z")),
        ("4w", "2026-04-17T00:00:00Z", ("2026-03-20T09:30:00Z", "2026-04-17T00:00:00Z")),
    ],
)
async def test_every_way_to_name_a_moment_is_sent_in_full_utc(
    tmp_path: Path, since: str, until: str, sent: tuple[str, str]
) -> None:
    upstream = answer(bucket("2026-04-16"))
    await measured(upstream, tmp_path, since=since, until=until)
    query = dict(pairs_of(upstream.requests[0]))
    assert (query["since"], query["until"]) == sent


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"since": "yesterday"}, "`since` must be an ISO datetime"),
        ({"until": "2026-04-10T00:00:00"}, "`until` must be an ISO datetime"),
        ({"since": "2026-04-17", "until": "2026-04-10"}, "`since` must be before `until`"),
        ({"since": "2026-04-17", "until": "2026-04-17"}, "`since` must be before `until`"),
        ({"since": "2030-01-01"}, "`since` must be before `until`"),
        ({"scope": "platform_post"}, "`id` is needed"),
        ({"scope": "organization", "id": " "}, "`id` is needed"),
    ],
)
async def test_what_cannot_be_measured_is_refused_before_any_request(
    tmp_path: Path, arguments: dict[str, Any], named: str
) -> None:
    upstream = answer()
    with pytest.raises(ToolError) as failure:
        await measured(upstream, tmp_path, **arguments)
    assert str(failure.value).startswith(f"INVALID_ARGUMENT: {named}")
    assert "Nothing was changed." in str(failure.value)
    assert not any(value in str(failure.value) for value in ("yesterday", "2030"))
    assert ("list_projects has organization_id" in str(failure.value)) == (named == "`id` is needed")
    assert upstream.requests == []


async def test_a_series_too_long_for_one_answer_keeps_its_newest_buckets(tmp_path: Path) -> None:
    hours = [f"{NOW - timedelta(hours=back):%Y-%m-%dT%H}:00:00Z" for back in reversed(range(2160))]
    upstream = answer(*[bucket(hour, engagement_rate=0.04, watch_time_ms=10**8) for hour in hours], granularity="hour")
    content, text = render(await measured(upstream, tmp_path, granularity="hour", since="90d"))
    kept = len(content["series"])
    assert len(text) <= 50_000
    assert [row["bucket"] for row in content["series"]] == hours[-kept:]
    assert f"Only the last {kept} of 2160 series are shown" in content["notes"][-1]
    assert any("last bucket is still running" in note for note in content["notes"])


@pytest.mark.parametrize("metric", ["conversions", "spend", "roas", "cpa", "clicks", "ctr", "cpc", "cpm", "frequency"])
def test_a_paid_metric_is_refused_and_the_refusal_points_to_the_paid_tool(metric: str) -> None:
    with pytest.raises(ToolError) as failure:
        validate(SCHEMA, {"project_id": PROJECT, "metrics": ["views", metric]})
    assert str(failure.value).startswith("INVALID_ARGUMENT: `metrics` must be")
    assert "get_ads_metrics" in str(failure.value)


async def test_another_scope_takes_its_own_id_and_metrics_are_sent_once_each_in_order(tmp_path: Path) -> None:
    upstream = answer(bucket("2026-04-16"))
    await measured(upstream, tmp_path, scope="platform_post", id="pp_1", metrics=("saves", "views", "saves"))
    query = pairs_of(upstream.requests[0])
    assert query[:4] == [("scope", "platform_post"), ("id", "pp_1"), ("metrics", "saves"), ("metrics", "views")]


async def test_the_series_holds_what_was_asked_for_and_the_totals_count_the_posts(tmp_path: Path) -> None:
    upstream = answer(
        bucket("2026-04-15", engagement_rate=0.04, watch_time_ms=None, surprise="x"),
        bucket("2026-04-16", engagement_rate=0.05, watch_time_ms=5),
        views=20,
        engagement_rate=0.045,
        post_count=23,
        thumbnail="https://x.example",
    )
    result = await measured(upstream, tmp_path)
    assert result.series == [
        {"bucket": "2026-04-15", "views": 10, "engagement_rate": 0.04},
        {"bucket": "2026-04-16", "views": 10, "engagement_rate": 0.05, "watch_time_ms": 5},
    ]
    assert result.totals == {"views": 20, "engagement_rate": 0.045, "post_count": 23}
    assert result.as_of == "2026-04-17T09:30:00Z"
    assert result.notes == []
    assert isinstance(result.totals["views"], int)


async def test_a_day_that_is_not_over_is_noted(tmp_path: Path) -> None:
    result = await measured(answer(bucket("2026-04-16"), bucket("2026-04-17")), tmp_path, metrics=("views",))
    assert result.notes == [
        "The last bucket is still running (until 2026-04-18T00:00:00Z): lower values there are no drop."
    ]


async def test_days_that_the_window_cuts_are_noted(tmp_path: Path) -> None:
    series = [bucket("2026-04-14"), bucket("2026-04-15")]
    cut = {"since": "2026-04-14T12:00:00Z", "until": "2026-04-15T12:00:00Z", "metrics": ("views",)}
    result = await measured(answer(*series), tmp_path, **cut)
    assert result.notes == ["The window cuts the first and the last bucket short of a whole day."]


async def test_buckets_outside_the_window_are_noted(tmp_path: Path) -> None:
    series = [bucket("2026-04-08"), bucket("2026-04-12"), bucket("2026-04-17")]
    result = await measured(answer(*series), tmp_path, metrics=("views",), since="2026-04-10", until="2026-04-17")
    assert result.notes == ["Upstream answered with 2 buckets outside the window that was asked for."]


async def test_other_buckets_than_asked_for_are_noted_and_read_at_their_own_length(tmp_path: Path) -> None:
    upstream = answer(bucket("2026-04-16"), bucket("2026-04-17"), granularity="day")
    result = await measured(upstream, tmp_path, metrics=("views",), granularity="hour", since="120d")
    assert "another size than the hour" in result.notes[0]
    assert "2026-04-18T00:00:00Z" in result.notes[1]
    assert result.window.granularity == "day"


async def test_a_window_that_upstream_shortened_is_noted_and_its_first_bucket_not_called_cut(tmp_path: Path) -> None:
    upstream = answer(bucket("2026-01-17T00:00:00Z"), granularity="hour", since="2026-01-17T00:00:00Z")
    result = await measured(upstream, tmp_path, metrics=("views",), granularity="hour", since="120d")
    assert result.notes == ["Upstream answered from 2026-01-17T00:00:00Z on, later than was asked for."]
    assert result.window.since == "2026-01-17T00:00:00Z"


async def test_a_window_written_in_no_known_form_is_passed_on_without_a_note(tmp_path: Path) -> None:
    result = await measured(answer(bucket("2026-04-16"), since="last week"), tmp_path, metrics=("views",))
    assert (result.window.since, result.notes) == ("last week", [])


async def test_a_metric_that_never_came_back_is_noted(tmp_path: Path) -> None:
    result = await measured(answer(bucket("2026-04-16")), tmp_path, metrics=("views", "saves", "reach"))
    assert result.notes == ["Nothing was reported for saves, reach."]


async def test_an_empty_window_says_where_to_look(tmp_path: Path) -> None:
    result = await measured(answer(post_count=0), tmp_path)
    assert (result.series, result.totals) == ([], {"post_count": 0})
    assert "check_readiness" in result.notes[0]


async def test_three_months_of_hours_still_fit_into_one_result(tmp_path: Path) -> None:
    start = datetime(2026, 1, 17, tzinfo=UTC).timestamp()
    hours = [datetime.fromtimestamp(start + 3600 * hour, UTC).isoformat() for hour in range(90 * 24)]
    series = [bucket(hour, engagement_rate=0.0412345, watch_time_ms=58_120_000) for hour in hours]
    content, text = render(await measured(answer(*series, granularity="hour"), tmp_path, granularity="hour"))
    assert len(text) < 50_000
    assert any("coarser granularity" in note for note in content["notes"])


def history(*weekly_rates: float) -> Upstream:
    """A project whose every day of a week had that week's rate, the newest week last; and two accounts."""
    upstream = Upstream()
    days = []
    for ago, rate in enumerate(reversed(weekly_rates)):
        for day in range(7):
            start = datetime(2026, 4, 16, tzinfo=UTC) - timedelta(days=7 * ago + day)
            days.append({"bucket": f"{start:%Y-%m-%d}", "views": 1000, "engagement_rate": rate})
    window = {"since": "", "until": "", "granularity": "day"}
    upstream.replies[METRICS] = {"window": window, "series": days[::-1], "totals": {"views": 1000 * len(days)}}
    upstream.replies[f"GET /v1/projects/{PROJECT}/social-accounts"] = {
        "items": [
            {"socialAccountId": "sa_1", "platform": "tiktok", "handle": "acme", "connectedAt": "2025-01-01T00:00:00Z"},
            {"socialAccountId": "sa_2", "platform": "instagram", "connectedAt": "2025-01-01T00:00:00Z"},
        ]
    }
    return upstream


async def test_a_week_is_held_against_the_one_before_and_the_customers_own_past(tmp_path: Path) -> None:
    upstream = history(0.040, 0.042, 0.039, 0.041, 0.052)
    result = await measured(upstream, tmp_path, metrics=("engagement_rate", "likes"), compare_previous=True)
    [change] = result.changes or []
    assert (change.metric, change.unusual) == ("engagement_rate", False)
    assert (change.ratio, change.usual_low, change.usual_high) == (1.268, 0.715, 1.399)
    assert result.notes[-1] == (
        "Last 7 whole days against the 7 before: engagement_rate x1.27 (usual swing 0.72 to 1.40: no change to speak "
        "of)."
    )
    asked = [dict(pairs_of(request)) for request in upstream.asked(METRICS.removeprefix("GET "))]
    assert {"since": "2026-01-16T00:00:00Z", "until": "2026-04-17T00:00:00Z"}.items() <= asked[1].items()
    assert ("metrics", "views") in pairs_of(upstream.asked(METRICS.removeprefix("GET "))[1])


async def test_an_unusual_week_is_called_so_and_one_without_a_past_is_not_compared(tmp_path: Path) -> None:
    rates = (0.040, 0.042, 0.039, 0.041, 0.040, 0.041, 0.042, 0.040, 0.062)
    result = await measured(history(*rates), tmp_path, compare_previous=True)
    told = {change.metric: (change.ratio, change.unusual) for change in result.changes or []}
    assert told == {"views": (1.0, False), "engagement_rate": (1.55, True)}
    assert any("engagement_rate x1.55 (0.77 to 1.30: unusual)" in note for note in result.notes)
    first = await measured(history(0.04), tmp_path, compare_previous=True)
    assert first.changes == []
    assert any("cannot be compared" in note for note in first.notes)
    assert (await measured(history(0.04), tmp_path)).changes is None


async def test_platforms_are_compared_by_their_accounts_each_read_once(tmp_path: Path) -> None:
    upstream = history(0.04, 0.04)
    result = await measured(upstream, tmp_path, by_account=True)
    assert [(one.social_account_id, one.platform, one.handle) for one in result.accounts or []] == [
        ("sa_1", "tiktok", "acme"),
        ("sa_2", "instagram", None),
    ]
    assert {tuple(one.totals.items()) for one in result.accounts or []} == {(("views", 14000),)}
    scopes = [dict(pairs_of(request)) for request in upstream.asked(METRICS.removeprefix("GET "))]
    assert [(one["scope"], one["id"]) for one in scopes] == [
        ("project", PROJECT),
        ("social_account", "sa_1"),
        ("social_account", "sa_2"),
    ]
    with pytest.raises(ToolError, match="by_account"):
        await measured(upstream, tmp_path, by_account=True, scope="platform_post", id="pp_1")


async def test_an_account_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    upstream = history(0.04, 0.04)
    whole = upstream.replies[METRICS]

    def failing(request: httpx2.Request) -> Any:
        return refused(403, "FORBIDDEN_SCOPE") if ("id", "sa_1") in pairs_of(request) else whole

    upstream.replies[METRICS] = failing
    result = await measured(upstream, tmp_path, by_account=True)
    assert [one.social_account_id for one in result.accounts or []] == ["sa_2"]
    assert any(note.startswith("The account sa_1 could not be read. FORBIDDEN_SCOPE") for note in result.notes)


@pytest.mark.jumping
async def test_accounts_that_are_slow_after_a_slow_series_cost_no_more_than_their_own_rows(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path) as harness:
        all_but_the_third = (1, 2, *range(4, 100))  # the series takes two repeats, the accounts never answer
        harness.sandbox.faults.append(
            Fault(endpoint="GET /v1/projects/:id/metrics", kind="latency", seconds=60, calls=all_but_the_third)
        )
        told = await harness.facts("get_metrics", project_id=harness.project, by_account=True)
    assert told["totals"]["views"]
    assert (told["accounts"], any("No answer came in time" in note for note in told["notes"])) == ([], True)


async def test_series_that_cannot_be_right_are_told(tmp_path: Path) -> None:
    days = [bucket(f"2026-04-{day}", 100, engagement_rate=0.04, likes=day) for day in range(10, 17)]
    upstream = answer(*days, views=48_210, engagement_rate=0.04)
    window = {"since": "2026-04-10", "until": "2026-04-17"}
    result = await measured(upstream, tmp_path, metrics=("views", "engagement_rate", "likes"), **window)
    assert "The total of views is not what its buckets give: one of the two is wrong." in result.notes
    assert "views, engagement_rate have the same value in every bucket, which real posts do not." in result.notes


async def test_numbers_from_before_the_account_was_connected_are_told(tmp_path: Path) -> None:
    upstream = history(0.04, 0.05)
    accounts = f"GET /v1/projects/{PROJECT}/social-accounts"
    upstream.replies[accounts] = {"items": [{"socialAccountId": "sa_1", "connectedAt": "2026-04-10T00:00:00Z"}]}
    result = await measured(upstream, tmp_path, compare_previous=True)
    assert "Buckets from before the first account was connected (2026-04-10) hold numbers: 7." in result.notes
    upstream.replies[accounts] = {"items": [{"socialAccountId": "sa_1"}]}
    result = await measured(upstream, tmp_path, compare_previous=True)
    assert not any("connected" in note for note in result.notes)
