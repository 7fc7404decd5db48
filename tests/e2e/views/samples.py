"""Results as the tools give them, by the contract's field names: ordinary ones, and ones at the edge."""

from __future__ import annotations

from typing import Any

from tests.e2e.views.browser import Wire, error_of, result_of

PROJECT = "prj_01HX9Y7K8M2P4RSTUV56789AB"
AS_OF = "2026-12-17T00:09:00Z"
MEDIA = "https://media.layers.com"

HOSTILE = (
    "<img src=x onerror=alert(1)><b>bold</b>",
    "</script><script>parent.postMessage('x','*')</script>",
    '"><svg onload=alert(1)>',
    "{{constructor.constructor('alert(1)')()}}",
    "\u0627\u062e\u062a\u0628\u0627\u0631 \u0639\u0646\u0648\u0627\u0646 \u0637\u0648\u064a\u0644",
    "\u05e9\u05dc\u05d5\u05dd 123 abc",
    "W" * 300,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e7\U0001f1f7 emoji",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; \\u003cb\\u003e",
)


def performer(rank: int, title: str, views: int, rate: float, **fields: Any) -> Wire:
    """A row of rank_top_performers, against a median of 0.0311."""
    small = views < 50
    times = round(rate / 0.0311, 3)
    row: Wire = {
        "rank": rank,
        "title": title,
        "source_type": "platform_post",
        "platform_post_id": f"pp_{rank:04d}",
        "metric_value": rate,
        "display": f"{rate * 100:.1f}%",
        "views": views,
        "engagement_rate": rate,
        "watch_time_ms": views * 9_131,
        "watch_seconds_per_view": 9.13,
        "platforms": ["tiktok"],
        "promoted": False,
        "engagement_times_median": times,
        "breakout": times > 2 and not small,
        "low_sample": small,
    }
    if not small:
        row |= {"expected_rate": round(0.9 * rate + 0.003, 4), "chance_real": 0.02}
    return {**row, **fields}


def ranking(*rows: Wire, **fields: Any) -> Wire:
    """A result of rank_top_performers."""
    return {
        "metric": "engagement_rate",
        "window": "30d",
        "items": list(rows),
        "median_engagement_rate": 0.0311,
        "rows_considered": len(rows),
        "as_of": AS_OF,
        "notes": ["Median over 9 of 11 rows (50 views or more) in 30d."],
        "next_step": "Rank 1 is 82 % likely a real breakout.",
        **fields,
    }


SURE = performer(
    1,
    "Get things done. Faster than your to-do list app did yesterday.",
    14_820,
    0.0815,
    promoted=True,
    breakout_evidence="solid",
    chance_real=0.82,
    expected_rate=0.0776,
)
THIN = performer(
    2,
    "Your brain is not a to-do list. Stop using it as one.",
    427,
    0.0796,
    platforms=["instagram"],
    breakout_evidence="thin",
    chance_real=0.31,
    expected_rate=0.0561,
)
FLUKE = performer(3, "Two minutes to a clean inbox", 31, 0.129)
RANKING = ranking(
    SURE,
    THIN,
    performer(4, "The two-minute rule, but for people who hate rules", 2_718, 0.0489, platforms=["instagram"]),
    performer(5, "I planned my whole week in four minutes", 3_889, 0.0437),
    performer(6, "What your unread emails say about you", 2_478, 0.0408, source_type="content_container"),
    performer(7, "A to-do list for people with 40 tabs open", 686, 0.0407),
    performer(8, "One list. One day. That's it.", 1_189, 0.0311, platforms=["instagram"]),
    performer(9, "Stop writing lists you never read", 1_919, 0.029),
    performer(10, "Inbox zero is a myth", 1_500, 0.021),
    FLUKE,
    performer(11, "Nobody reads the ninth item on your list", 12, 0.0),
)

PAID = {
    **ranking(
        *(
            {
                "rank": rank,
                "title": f"Creative {name}",
                "source_type": "content_container",
                "ads_content_id": f"adc_{rank}",
                "platform_post_id": f"pp_{rank:04d}",
                "metric_value": roas,
                "display": f"{roas:.1f}x",
                "platforms": ["meta_ads"],
                "promoted": True,
                "paid": {"spend": spend, "conversions": conversions, "roas": roas},
                "expected_roas": expected,
                "roas_low": low,
                "roas_high": high,
                "low_sample": conversions < 10,
            }
            for rank, name, spend, conversions, roas, expected, low, high in (
                (1, "one", 2, 1, 30.0, 1.89, 0.64, 3.67),
                (2, "two", 120, 9, 1.9, 1.6, 0.92, 2.42),
                (3, "three", 400, 22, 1.2, 1.18, 0.82, 1.59),
                (4, "four", 350, 10, 0.6, 0.67, 0.4, 1.0),
            )
        ),
        metric="roas",
    )
}
del PAID["median_engagement_rate"]

ROUND = {
    "window": "30d",
    "breakouts": [
        {
            "project_id": "prj_other" if name == "globex-fit" else PROJECT,
            "project_name": name,
            "platform_post_id": f"pp_{name}_{place}",
            "title": title,
            "views": views,
            "engagement_rate": rate,
            "engagement_times_median": times,
            "breakout_evidence": evidence,
            "chance_real": chance,
            "expected_rate": expected,
            "expected_times_usual": 2.11,
            "platforms": ["tiktok"],
            "already_ordered": place == 2,
        }
        for place, (name, title, views, rate, times, evidence, chance, expected) in enumerate(
            (
                ("acme-todo", "Get things done", 14_820, 0.0815, 2.621, "solid", 0.82, 0.0776),
                ("globex-fit", "You don't need a gym", 38_387, 0.0949, 2.517, "solid", 0.71, 0.091),
                ("acme-todo", "Your brain is not a to-do list", 427, 0.0796, 2.559, "thin", 0.31, 0.0561),
            )
        )
    ],
    "quiet": [
        {"project_id": "prj_a", "project_name": "hooli-new", "reason": "not_connected", "detail": "Link one first."},
        {"project_id": "prj_b", "project_name": "initech", "reason": "too_few_posts", "detail": "3 of 5 posts."},
    ],
    "as_of": AS_OF,
    "notes": [],
    "next_step": "The first is worth more of.",
}

DAYS = [f"2026-{month:02d}-{day:02d}" for month, days in ((11, range(17, 31)), (12, range(1, 18))) for day in days]
VIEWS = [354, 3500, 2700, 2380, 1760, 1680, 1330, 880, 600, 410, 540, 3890, 2800, 1900, 1280, 880]
VIEWS += [560, 380, 260, 190, 140, 100, 75, 55, 40, 22, 18, 15, 12, 480, 1370]
SERIES: Wire = {
    "scope": "project",
    "id": PROJECT,
    "window": {"since": "2026-11-17T10:00:00Z", "until": "2026-12-17T10:00:00Z", "granularity": "day"},
    "series": [
        {
            "bucket": day,
            "views": views,
            "engagement_rate": 0.03 + (place * 7 % 11) / 400,
            "watch_time_ms": views * 9_100,
        }
        for place, (day, views) in enumerate(zip(DAYS, VIEWS, strict=True))
    ],
    "totals": {"views": 30_403, "engagement_rate": 0.0497, "watch_time_ms": 319_440_000, "post_count": 30},
    "changes": [
        {"metric": "views", "ratio": 0.6, "usual_low": 0.35, "usual_high": 2.9, "unusual": False},
        {"metric": "engagement_rate", "ratio": 1.55, "usual_low": 0.77, "usual_high": 1.3, "unusual": True},
    ],
    "accounts": [
        {
            "social_account_id": f"sa_{platform}",
            "platform": platform,
            "handle": f"@acme.{platform}",
            "totals": {"views": views, "engagement_rate": rate, "watch_time_ms": views * 9_100, "post_count": posts},
        }
        for platform, views, rate, posts in (("tiktok", 21_000, 0.056, 18), ("instagram", 9_403, 0.031, 12))
    ],
    "as_of": "2026-12-17T10:00:00Z",
    "notes": ["The last bucket is still running (until 2026-12-18T00:00:00Z): lower values there are no drop."],
}


def piece(name: str, **fields: Any) -> Wire:
    """An item of get_content: a finished video that waits for a decision."""
    return {
        "container_id": f"cnt_{name}",
        "project_id": PROJECT,
        "project_name": "acme-todo",
        "status": "completed",
        "approval_status": "pending",
        "format": "video_remix",
        "hook": f"Hook of {name}: stop using your brain as a list.",
        "caption": f"Caption of {name}.\nTwo lines of it #acme",
        "cta": "Download acme-todo",
        "assets": [{"asset_id": f"ast_{name}", "kind": "video", "url": f"{MEDIA}/{name}.mp4", "duration_ms": 17_200}],
        "created_at": AS_OF,
        "commission_id": f"com_{name}",
        "variation": "1 of 2",
        **fields,
    }


def pictures(name: str, count: int = 3, origin: str = MEDIA) -> list[Wire]:
    """The slides of a slideshow."""
    return [
        {"asset_id": f"ast_{name}_{number}", "kind": "image", "url": f"{origin}/{name}/{number}.png"}
        for number in range(1, count + 1)
    ]


CONTENT: Wire = {
    "items": [
        piece("one"),
        piece("two"),
        piece("slides", format="slideshow_remix", assets=pictures("slides")),
        piece("approved", approval_status="approved", publication={"status": "not_published"}),
        piece("free", approval_status="not_required"),
        piece("rejected", approval_status="rejected"),
        piece("going", approval_status="approved", publication={"status": "scheduled", "at": "2026-12-18T14:00:00Z"}),
        piece("failed", status="failed", approval_status="pending", error="MODERATION: refused", assets=[]),
        {"container_id": "cnt_gone", "status": "not_found"},
    ],
    "notes": ["A note of the server."],
}


def order(name: str, mode: str = "fork", **fields: Any) -> Wire:
    """An order of review_commissions: finished, approved, not live."""
    return {
        "commission_id": f"com_{name}",
        "project_id": PROJECT,
        "project_name": "acme-todo",
        "tool": "clone_post",
        "mode": mode,
        "ordered_at": "2026-11-27T10:00:00Z",
        "job_id": f"job_{name}",
        "estimated_credits": 240,
        "source_platform_post_id": "pp_01M6Z793F4871R8WN2PH4EPP16",
        "source_title": f"Source of {name}",
        "variations": 2,
        "take": 1,
        "status": "completed",
        "container_ids": [f"cnt_{name}"],
        "approval_status": "approved",
        **fields,
    }


def live(name: str, rate: float, expected: float, median: float = 0.037, **fields: Any) -> Wire:
    """An order in the ranking, against what its source should be expected to earn."""
    return order(
        name,
        metric_value=rate,
        source_value=round(expected * 1.1, 4),
        versus_source=round(rate / (expected * 1.1), 3),
        versus_median=round(rate / median, 3),
        versus_expected=round(rate / expected, 3),
        low_sample=False,
        **fields,
    )


REVIEW: Wire = {
    "commissions": [
        order("waiting", approval_status="pending"),
        order("made", status="running", approval_status=None),
        live("below", 0.064, 0.0744, charged_credits=240),
        live("above", 0.092, 0.082, mode="reimagine"),
        live("fluke", 0.15, 0.075) | {"low_sample": True},
        order("failed", status="failed"),
        order("canceled", status="canceled"),
        order("rejected", mode="hook", hook="A pinned hook", approval_status="rejected"),
        order("unranked", status="unranked"),
        order("unknown", status="unknown"),
    ],
    "by_mode": [
        {
            "mode": "fork",
            "commissions": 7,
            "live": 2,
            "judged": 2,
            "beat_source": 1,
            "beat_median": 2,
            "median_versus_source": 0.95,
            "lift": 0.97,
            "lift_low": 0.75,
            "lift_high": 1.31,
            "times_usual": 1.9,
        },
        {"mode": "reimagine", "commissions": 1, "live": 1, "judged": 1, "beat_source": 0, "beat_median": 1},
        {"mode": "hook", "commissions": 1, "live": 0, "judged": 0},
    ],
    "credits": {"estimated": 2_400, "charged": 1_960},
    "notes": ["Orders placed elsewhere are not in this journal."],
}
REVIEW["commissions"] = [
    {key: value for key, value in one.items() if value is not None} for one in REVIEW["commissions"]
]

ALL = (
    ("ranking", RANKING),
    ("ranking", PAID),
    ("ranking", ROUND),
    ("series", SERIES),
    ("approval", CONTENT),
    ("results", REVIEW),
)
NAMES = ("ranking", "paid", "round", "series", "approval", "results")


def priced(arguments: Wire, **fields: Any) -> Wire:
    """What clone_post says to a dry run."""
    return {
        "status": "not_ordered",
        "replayed": False,
        "take": 1,
        "container_ids": [],
        "similar_orders": [],
        "estimated_credits": 120 * arguments["variations"],
        "credits_available": 18_580,
        "held_for_approval": True,
        "notes": ["The estimate is an upper bound."],
        "next_step": "Call again without dry_run to order it.",
        **fields,
    }


def placed(arguments: Wire, **fields: Any) -> Wire:
    """What clone_post says to an order."""
    new = {"status": "running", "commission_id": "com_new", "job_id": "job_new", "notes": [], "next_step": "wait_job"}
    return {**priced(arguments), **new, **fields}


def readiness(**fields: Any) -> Wire:
    """What check_readiness says, as far as accounts go."""
    accounts = [
        {"social_account_id": "sa_1", "platform": "tiktok", "handle": "@acmetodo", "status": "connected"},
        {"social_account_id": "sa_2", "platform": "instagram", "handle": "@acme.todo", "status": "connected"},
        {"social_account_id": "sa_3", "platform": "instagram", "handle": "@old", "status": "reauth_required"},
    ]
    return {"project_id": PROJECT, "ready": True, "checks": [], "accounts": accounts, "notes": [], **fields}


def publication(arguments: Wire, **fields: Any) -> Wire:
    """What publish_content says, to a dry run or to a real one."""
    dry = bool(arguments.get("dry_run"))
    later = bool(arguments.get("at"))
    return {
        **({} if dry else {"publication_id": "pub_1"}),
        "status": "not_published" if dry else "scheduled" if later else "publishing",
        "scheduled_posts": [],
        "at": "2026-12-18T14:00:00Z",
        "at_local": "2026-12-18 09:00 America/New_York",
        "replayed": False,
        "notes": [],
        **fields,
    }


def decision(arguments: Wire, **fields: Any) -> Wire:
    """What decide_content says."""
    status = {"approve": "approved", "reject": "rejected"}[arguments["decision"]]
    return {"container_id": arguments["container_id"], "approval_status": status, "notes": [], **fields}


def willing(name: str, arguments: Wire) -> Wire:
    """Answer a view's calls as a server does to which everything goes well."""
    match name:
        case "clone_post":
            return result_of(priced(arguments) if arguments.get("dry_run") else placed(arguments))
        case "decide_content":
            return result_of(decision(arguments))
        case "check_readiness":
            return result_of(readiness())
        case "publish_content":
            return result_of(publication(arguments))
        case _:
            return error_of(f"no {name} here")
