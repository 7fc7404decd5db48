"""How scheduled posts go out: at their time the platform gets them, seconds later they are live, drafts, or failed."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from layers_mcp.sandbox.simulation.parameters import WorldParameters
from layers_mcp.sandbox.simulation.records import add_creative, insert, next_number
from layers_mcp.sandbox.simulation.rng import generator, lognormal, ulid

TRANSFER_SECONDS = (4.0, 12.0)
"""How long a platform takes to put up what it was given; too late to cancel then."""

LOGIN_EXPIRED = ("CREDENTIAL_INVALID", "The login of this account has expired; connect it again.")
MISSED = ("SCHEDULE_MISSED", "The content was approved after the time that the post was scheduled for.")


@dataclass
class Publisher:
    """Moves scheduled posts on, each at its own moment."""

    parameters: WorldParameters
    seed: int

    def catch_up(self, db: sqlite3.Connection, now: float) -> None:
        """Do what was due by `now`, in the order of time; inside a write."""
        due = "SELECT * FROM scheduled_posts WHERE next_at <= ? ORDER BY next_at, sequence LIMIT 1"
        while (post := db.execute(due, (now,)).fetchone()) is not None:
            if post["status"] == "queued":
                self._hand_over(db, post)
            else:
                self._finish(db, post)

    def _hand_over(self, db: sqlite3.Connection, post: sqlite3.Row) -> None:
        """Give the post to its platform, or fail where the account's login has gone."""
        moment: float = post["next_at"]
        account = db.execute("SELECT * FROM social_accounts WHERE id = ?", (post["social_account_id"],)).fetchone()
        if post["login_expires"]:
            db.execute("UPDATE social_accounts SET status = 'reauth_required' WHERE id = ?", (account["id"],))
        if post["login_expires"] or account["status"] != "connected":
            fail(db, post, moment, LOGIN_EXPIRED)
            return
        seconds = generator(self.seed, "transfer", post["sequence"]).uniform(*TRANSFER_SECONDS)
        db.execute(
            "UPDATE scheduled_posts SET status = 'publishing', attempted_at = ?1, updated_at = ?1, next_at = ?2"
            " WHERE id = ?3",
            (moment, moment + seconds, post["id"]),
        )

    def _finish(self, db: sqlite3.Connection, post: sqlite3.Row) -> None:
        moment: float = post["next_at"]
        if post["mode"] == "draft":  # a person finishes it in the platform's app
            db.execute(
                "UPDATE scheduled_posts SET status = 'draft', updated_at = ?, next_at = NULL WHERE id = ?",
                (moment, post["id"]),
            )
            return
        external_id, external_url = self.go_live(db, post, moment)
        db.execute(
            "UPDATE scheduled_posts SET status = 'published', published_at = ?1, updated_at = ?1, next_at = NULL,"
            " external_id = ?2, external_url = ?3 WHERE id = ?4",
            (moment, external_id, external_url, post["id"]),
        )

    def go_live(self, db: sqlite3.Connection, post: sqlite3.Row, moment: float) -> tuple[str, str | None]:
        """Make a live post on the account and its creative for the scorer; return the platform's id and address."""
        container = db.execute("SELECT * FROM content_containers WHERE id = ?", (post["container_id"],)).fetchone()
        account, zone = db.execute(
            "SELECT sa.handle, p.timezone FROM social_accounts sa JOIN projects p ON p.id = sa.project_id"
            " WHERE sa.id = ?",
            (post["social_account_id"],),
        ).fetchone()
        rules, sequence = self.parameters, post["sequence"]
        chance = generator(self.seed, "post", sequence)
        if chance.random() < rules.flop_share:
            reach = rules.flop_views * chance.uniform(0.2, 1.1)
        else:
            reach = lognormal(chance, rules.reach_median, rules.reach_spread)
        post_id = f"pp_{ulid(moment, self.seed, 'pp', sequence)}"
        external_id = str(chance.randrange(10**18, 10**19))
        insert(
            db,
            "platform_posts",
            id=post_id,
            external_id=external_id,
            social_account_id=post["social_account_id"],
            project_id=post["project_id"],
            platform=post["platform"],
            published_at=moment,
            container_id=container["id"],
            title=container["hook"],
            format=container["format"],
            original_id=container["original_id"],
            quality=container["quality"],
            fatigue=container["fatigue"],
            reach=reach * self.attention(post["platform"], zone, moment),
            watch_ms=1000 * lognormal(chance, rules.watch_seconds_median, rules.watch_spread),
            noise=f"{self.seed}/post/{post_id}",
        )
        known = db.execute("SELECT id FROM ads_content WHERE source_id = ?", (container["id"],)).fetchone()
        if known is None:  # two accounts are two posts of one creative
            creative_id = f"adc_{ulid(moment, self.seed, 'adc', container['sequence'])}"
            add_creative(db, creative_id, post["project_id"], post_id, container["id"], container["hook"], moment)
        return external_id, external_url(post["platform"], account, external_id)

    def publish_finished(self, db: sqlite3.Connection, project_id: str, now: float) -> list[str]:
        """Queue what is finished, decided and was never scheduled, each on an account of a platform it was made for."""
        accounts = db.execute(
            "SELECT * FROM social_accounts WHERE project_id = ? AND status = 'connected' ORDER BY id", (project_id,)
        ).fetchall()
        waiting = db.execute(
            "SELECT c.* FROM content_containers c LEFT JOIN jobs j ON j.id = c.job_id WHERE c.project_id = ?"
            " AND c.approval_status IN ('approved', 'not_required') AND (j.id IS NULL OR j.settled)"
            " AND coalesce(j.outcome, 'completed') = 'completed'"
            " AND NOT EXISTS (SELECT 1 FROM scheduled_posts sp WHERE sp.container_id = c.id) ORDER BY c.sequence",
            (project_id,),
        ).fetchall()
        queued: list[str] = []
        for container in waiting if accounts else ():
            wanted: list[str] = json.loads(container["brief"]).get("targetPlatforms") or []
            fitting = [account for account in accounts if account["platform"] in wanted] or accounts
            account = generator(self.seed, "account", container["sequence"]).choice(fitting)
            queued.append(queue(db, self.seed, container, account, mode="publish", moment=now, now=now))
        return queued

    def attention(self, platform: str, zone: str, moment: float) -> float:
        """Return what the platform and the local time of day do to a post's reach: a factor around 1."""
        local = datetime.fromtimestamp(moment, _zone(zone))
        hour = local.hour + local.minute / 60
        by_hour = 1 + self.parameters.hour_swing * math.cos((hour - self.parameters.best_hour) * math.tau / 24)
        tilt = self.parameters.platform_tilt
        return max(0.05, by_hour) * max(0.05, 1 + tilt if platform == "tiktok" else 1 - tilt)


def queue(
    db: sqlite3.Connection,
    seed: int,
    container: sqlite3.Row,
    account: sqlite3.Row,
    *,
    mode: str,
    moment: float,
    now: float,
    blocked: bool = False,
    **more: object,
) -> str:
    """Schedule a container for one account; the scheduled post's id."""
    sequence = next_number(db)
    post_id = f"sp_{ulid(now, seed, 'sp', sequence)}"
    insert(
        db,
        "scheduled_posts",
        id=post_id,
        sequence=sequence,
        project_id=container["project_id"],
        container_id=container["id"],
        social_account_id=account["id"],
        platform=account["platform"],
        mode=mode,
        status="queued",
        blocked=blocked,
        scheduled_for=moment,
        next_at=None if blocked else max(moment, now),
        created_at=now,
        updated_at=now,
        **more,
    )
    return post_id


def promote_blocked(db: sqlite3.Connection, container_id: str, now: float) -> dict[str, object] | None:
    """Set going what waited for the container's approval; None where nothing did.

    A post whose time has passed meanwhile fails, and with it the promotion's status.
    """
    posts = db.execute(
        "SELECT * FROM scheduled_posts WHERE container_id = ? AND blocked = 1 AND status = 'queued' ORDER BY sequence",
        (container_id,),
    ).fetchall()
    status = "ok"
    for post in posts:
        db.execute("UPDATE scheduled_posts SET blocked = 0 WHERE id = ?", (post["id"],))
        if post["scheduled_for"] < now:
            status = "failed"
            fail(db, post, now, MISSED)
        else:
            db.execute("UPDATE scheduled_posts SET next_at = scheduled_for WHERE id = ?", (post["id"],))
    return {"status": status, "scheduledPostIds": [post["id"] for post in posts]} if posts else None


def cancel_queued(db: sqlite3.Connection, container_id: str, now: float, reason: str) -> None:
    """Cancel what a rejected container still had scheduled."""
    db.execute(
        "UPDATE scheduled_posts SET status = 'canceled', canceled_at = ?1, updated_at = ?1, next_at = NULL, reason = ?2"
        " WHERE container_id = ?3 AND status = 'queued'",
        (now, reason, container_id),
    )


def fail(db: sqlite3.Connection, post: sqlite3.Row, moment: float, error: tuple[str, str]) -> None:
    """End a scheduled post with an error, a code and a message."""
    db.execute(
        "UPDATE scheduled_posts SET status = 'failed', attempted_at = ?1, updated_at = ?1, next_at = NULL,"
        " error_code = ?2, error_message = ?3 WHERE id = ?4",
        (moment, *error, post["id"]),
    )


def external_url(platform: str, handle: str, external_id: str) -> str | None:
    """Return where a post would be seen: an address that leads nowhere. Instagram does not always tell."""
    if platform == "instagram" and external_id.endswith("7"):
        return None
    kind = "reel" if platform == "instagram" else "video"
    return f"https://{platform}.invalid/@{handle}/{kind}/{external_id}"


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:  # a system without a time zone database
        return UTC
