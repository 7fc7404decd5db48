"""Rows that more than one part of the world writes or reads."""

from __future__ import annotations

import json
import sqlite3

from layers_mcp.sandbox.simulation.parameters import WorldParameters
from layers_mcp.sandbox.simulation.rng import generator, lognormal_mean_one, ulid


def insert(db: sqlite3.Connection, table: str, **values: object) -> None:
    """One row; the names are the code's own, the values are bound."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608


def add_creative(
    db: sqlite3.Connection,
    creative_id: str,
    project_id: str,
    post_id: str | None,
    container_id: str | None,
    title: str,
    created_at: float,
    source: str = "",
) -> None:
    """Add the scorer's view of a post or an ad, not scored yet."""
    source = source or ("content_container" if container_id else "platform_post")
    insert(
        db,
        "ads_content",
        id=creative_id,
        source_type=source,
        source_id=container_id or (creative_id.replace("adc", "cre", 1) if source == "manual" else None),
        platform_post_id=post_id,
        title=title,
        scoring_pool={"content_container": "generated", "platform_post": "ugc"}.get(source, "manual"),
        created_at=created_at,
    )
    insert(db, "project_ads_content", project_id=project_id, ads_content_id=creative_id)


def promote(
    db: sqlite3.Connection,
    parameters: WorldParameters,
    seed: int,
    project_id: str,
    creative_id: str,
    started_at: float,
) -> None:
    """Put a creative into paid: spend on it where the project has an ad account, elsewhere only mark it."""
    db.execute(
        "UPDATE project_ads_content SET promoted_at = ? WHERE project_id = ? AND ads_content_id = ?",
        (started_at, project_id, creative_id),
    )
    title, account = db.execute(
        "SELECT title, ad_account_id FROM ads_content, projects WHERE ads_content.id = ? AND projects.id = ?",
        (creative_id, project_id),
    ).fetchone()
    if account is None:
        return
    chance = generator(seed, "promotion", project_id, title)
    suffix = ulid(started_at, seed, "ad", creative_id)
    insert(
        db,
        "promotions",
        id=f"ad_{suffix}",
        project_id=project_id,
        ads_content_id=creative_id,
        platform=chance.choice(("meta_ads", "tiktok_ads")),
        adset_id=f"ads_{suffix}",
        campaign_id=f"cmp_{account.removeprefix('act_')}",
        ad_account_id=account,
        started_at=started_at,
        days=parameters.promotion_days,
        budget=parameters.budget_per_day * chance.uniform(0.6, 1.6),
        conversion_rate=min(0.5, parameters.conversion_rate * lognormal_mean_one(chance, parameters.conversion_spread)),
        noise=f"{seed}/spend/{title}/{suffix[10:]}",
    )


def creatives(db: sqlite3.Connection, project_id: str) -> list[sqlite3.Row]:
    """Return the project's ads content, with the moment it was promoted."""
    return db.execute(
        "SELECT ac.*, pac.promoted_at FROM ads_content ac JOIN project_ads_content pac ON pac.ads_content_id = ac.id"
        " WHERE pac.project_id = ? ORDER BY ac.id",
        (project_id,),
    ).fetchall()


def posts_by_creative(db: sqlite3.Connection, project_id: str) -> dict[str, list[sqlite3.Row]]:
    """Return the project's posts by the id of the creative that they show, the first one first."""
    found: dict[str, list[sqlite3.Row]] = {}
    for row in db.execute(
        "SELECT pp.*, ac.id AS creative_id FROM platform_posts pp JOIN ads_content ac ON"
        " ac.platform_post_id = pp.id OR (pp.container_id IS NOT NULL AND ac.source_id = pp.container_id)"
        " WHERE pp.project_id = ? ORDER BY pp.published_at, pp.id",
        (project_id,),
    ).fetchall():
        found.setdefault(row["creative_id"], []).append(row)
    return found


def promotions(db: sqlite3.Connection, creative_id: str) -> list[sqlite3.Row]:
    """Return the ads that a creative runs in, or ran in."""
    return db.execute("SELECT * FROM promotions WHERE ads_content_id = ? ORDER BY id", (creative_id,)).fetchall()


def first_approval_status(db: sqlite3.Connection, project: sqlite3.Row) -> str:
    """Return how new content of the project begins: `pending` where a person decides about it, else `not_required`.

    `review_first_n` counts what was ordered, but for what failed or was canceled.
    """
    policy = project["review_policy"]
    if policy == "review_first_n":
        reviewed = db.execute(
            "SELECT count(*) FROM content_containers c LEFT JOIN jobs j ON j.id = c.job_id WHERE c.project_id = ?"
            " AND c.approval_status != 'not_required' AND coalesce(j.outcome, 'completed') = 'completed'",
            (project["id"],),
        ).fetchone()[0]
        return "pending" if reviewed < project["first_n"] else "not_required"
    return "pending" if policy == "review_all" else "not_required"


def next_number(db: sqlite3.Connection) -> int:
    """Return the next of the numbers that everything ordered is drawn by."""
    return db.execute("UPDATE world SET sequence = sequence + 1 RETURNING sequence").fetchone()[0]


def charge(
    db: sqlite3.Connection,
    seed: int,
    moment: float,
    *,
    organization_id: str,
    project_id: str,
    event_type: str,
    amount: int,
    content_format: str,
    job_id: str,
    container_ids: list[str],
) -> None:
    """One line of the credit ledger; `amount` is signed credits."""
    number = next_number(db)
    insert(
        db,
        "credit_events",
        id=f"evt_{ulid(moment, seed, 'evt', number)}",
        sequence=number,
        organization_id=organization_id,
        project_id=project_id,
        event_type=event_type,
        credits=amount,
        format=content_format,
        job_id=job_id,
        container_ids=json.dumps(container_ids),
        created_at=moment,
    )
