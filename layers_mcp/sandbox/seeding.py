"""The beginning of the world: one agency, its four customers, and a stranger whose data it must never see."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from layers_mcp.sandbox.catalog import ACME_TODO, EXCLUDED, GLOBEX_FIT, MANUAL_AD, PINNED, Opening
from layers_mcp.sandbox.draws import around_median, around_one, stream, ulid
from layers_mcp.sandbox.growth import DAY, post_curve
from layers_mcp.sandbox.world import WorldParameters

AGENCY = "org_01HX9Y7K8M0AGENCY00SANDB0X"
SUBSIDIARY = "org_01HX9Y7K8M0SVBS1D1ARY00000"
STRANGER = "org_01HX9Y7K8M0STRANGER0000000"
ACME_ID = "prj_01HX9Y7K8M2P4RSTUV56789AB"  # the guide's

ALL_SCOPES = (
    "ads:write",
    "content:approve",
    "content:read",
    "content:write",
    "jobs:cancel",
    "jobs:read",
    "metrics:read",
    "projects:read",
    "social:read",
)


@dataclass
class Seeding:
    """Writes the first rows. `now` is the world's first moment, in seconds since 1970."""

    db: sqlite3.Connection
    parameters: WorldParameters
    seed: int
    now: float

    def run(self) -> None:
        """Everything there is at the start; inside a write."""
        self.insert("world", seed=self.seed, offset=0.0, sequence=0, created_at=self.now, scored_at=0.0)
        organizations = (
            (AGENCY, None, "Sandbox Agency"),
            (SUBSIDIARY, AGENCY, "Sandbox Agency West"),
            (STRANGER, None, "Somebody Else"),
        )
        for place, (organization_id, parent, name) in enumerate(organizations):
            self.insert("organizations", id=organization_id, parent_id=parent, name=name)
            self.insert(
                "credit_events",
                id=self.id("evt", "grant", organization_id),
                sequence=-place,
                organization_id=organization_id,
                event_type="grant",
                credits=self.parameters.opening_credits,
                container_ids="[]",
                created_at=self.now - 60 * DAY,
            )
        self.key(AGENCY, ALL_SCOPES)
        acme = self.project("acme-todo", ACME_ID, days_old=64, review="review_all", followers=(5_400, 2_300))
        globex = self.project("globex-fit", days_old=190, followers=(48_000, 31_500), ads=True)
        self.project("initech-notes", days_old=3, followers=(820, 410), just_linked=True)
        self.project("hooli-new", days_old=1)
        stranger = self.project("umbrella-labs", days_old=80, followers=(900, 900), organization_id=STRANGER)
        for opening in ACME_TODO:
            self.post(acme, "acme-todo", opening)
        for opening in GLOBEX_FIT:
            self.post(globex, "globex-fit", opening)
        self.manual_ad(globex)
        self.db.execute("UPDATE ads_content SET override = 'include' WHERE title = ?", (PINNED,))
        self.db.execute("UPDATE ads_content SET override = 'exclude' WHERE title = ?", (EXCLUDED,))
        self.post(stranger, "umbrella-labs", Opening("Nothing to see here", 0.03, 2_000, "tiktok", 9.0))

    def id(self, prefix: str, *parts: object, at: float | None = None) -> str:
        """An id of the start, the same for every world of this seed and moment."""
        return f"{prefix}_{ulid(self.now if at is None else at, self.seed, prefix, *parts)}"

    def insert(self, table: str, **values: object) -> None:
        """One row."""
        insert(self.db, table, **values)

    def key(self, organization_id: str, scopes: tuple[str, ...], name: str = "default") -> str:
        """A key of the organization; answers its secret."""
        key_id = ulid(0, self.seed, "key", organization_id, name)[10:]
        secret = f"lp_test_{key_id}_{ulid(0, self.seed, 'secret', organization_id, name)[10:].lower()}"
        self.insert(
            "api_keys", id=f"key_{key_id}", secret=secret, organization_id=organization_id, scopes=json.dumps(scopes)
        )
        return secret

    def project(
        self,
        name: str,
        project_id: str = "",
        *,
        days_old: float,
        review: str = "auto_approve",
        followers: tuple[int, ...] = (),
        ads: bool = False,
        just_linked: bool = False,
        organization_id: str = AGENCY,
    ) -> str:
        """A customer with its content layer, and an account for each number of followers: TikTok, then Instagram."""
        created_at = self.now - days_old * DAY
        project_id = project_id or self.id("prj", name, at=created_at)
        self.insert(
            "projects",
            id=project_id,
            organization_id=organization_id,
            name=name,
            timezone="America/New_York",
            review_policy=review,
            ad_account_id=self.id("act", name, at=created_at) if ads else None,
            created_at=created_at,
        )
        self.insert("project_layers", id=self.id("lay", name, at=created_at), project_id=project_id, name="content")
        for platform, count in zip(("tiktok", "instagram"), followers, strict=False):
            self.insert(
                "social_accounts",
                id=self.id("sa", name, platform, at=created_at),
                project_id=project_id,
                platform=platform,
                handle="@" + name.replace("-", "." if platform == "instagram" else ""),
                followers=count,
                connected_at=None if just_linked else created_at + DAY / 2,
            )
        return project_id

    def post(self, project_id: str, name: str, opening: Opening) -> None:
        """A live post, the creative it is to the scorer, and what Layers has promoted of it."""
        published_at = self.now - opening.days_old * DAY
        post_id = self.id("pp", name, opening.hook, at=published_at)
        chance = stream(self.seed, "opening", name, opening.hook)
        usual = around_median(chance, self.parameters.watch_seconds_median, self.parameters.watch_spread)
        watch_ms = 1000 * (opening.watch_seconds or usual)
        container_id = None
        if opening.made_by == "layers":
            container_id = self.container(project_id, name, opening, published_at)
        self.insert("hooks", project_id=project_id, text=opening.hook, quality=opening.rate)
        self.insert(
            "platform_posts",
            id=post_id,
            external_id=str(stream(self.seed, "external", post_id).randrange(10**18, 10**19)),
            social_account_id=self.id("sa", name, opening.platform, at=self._created(project_id)),
            project_id=project_id,
            platform=opening.platform,
            published_at=published_at,
            container_id=container_id,
            title=opening.hook,
            format="video_remix",
            original_id=post_id,
            quality=opening.rate,
            fatigue=1.0,
            reach=opening.reach,
            watch_ms=watch_ms,
            noise=self._noise(post_id, opening, published_at, watch_ms),
        )
        creative_id = self.id("adc", name, opening.hook, at=published_at)
        add_creative(self.db, creative_id, project_id, post_id, container_id, opening.hook, published_at)
        if opening.promoted_days:
            started_at = self.now - opening.promoted_days * DAY
            promote(self.db, self.parameters, self.seed, project_id, creative_id, started_at)

    def _created(self, project_id: str) -> float:
        return self.db.execute("SELECT created_at FROM projects WHERE id = ?", (project_id,)).fetchone()[0]

    def _noise(self, post_id: str, opening: Opening, published_at: float, watch_ms: float) -> str:
        """The first draw under which the post looks as it must."""
        low, high = opening.seen
        for attempt in range(10_000):
            noise = f"{self.seed}/post/{opening.hook}/{attempt}"
            curve = post_curve(
                published_at, opening.reach, opening.rate, watch_ms, self.parameters.saturation_days, noise
            )
            if low <= curve.at(self.now - 1800).engagement_rate <= high:
                return noise
        raise ValueError(f"no draw of {post_id} looks as the catalog says")

    def container(self, project_id: str, name: str, opening: Opening, published_at: float) -> str:
        """The finished content behind a post that Layers made."""
        created_at = published_at - DAY
        container_id = self.id("cnt", name, opening.hook, at=created_at)
        lowest = self.db.execute("SELECT min(sequence) FROM content_containers").fetchone()[0] or 0
        reviewed = name == "acme-todo"
        self.insert(
            "content_containers",
            id=container_id,
            sequence=lowest - 1,
            project_id=project_id,
            mode="hook",
            format="video_remix",
            hook=opening.hook,
            caption=f"{opening.hook} #{name.split('-')[1]}",
            cta=f"Download {name}",
            brief=json.dumps({"hook": opening.hook, "cta": f"Download {name}"}),
            original_id=container_id,
            quality=opening.rate,
            fatigue=1.0,
            approval_status="approved" if reviewed else "not_required",
            decided_at=published_at - DAY / 4 if reviewed else None,
            created_at=created_at,
            publish_at=published_at,
            published=1,
        )
        return container_id

    def manual_ad(self, project_id: str) -> None:
        """A creative that exists only as an ad: a ranking row without an organic block."""
        creative_id = self.id("adc", MANUAL_AD)
        add_creative(self.db, creative_id, project_id, None, None, MANUAL_AD, self.now - 20 * DAY, source="manual")
        promote(self.db, self.parameters, self.seed, project_id, creative_id, self.now - 18 * DAY)


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
    """The scorer's view of a post or an ad, not scored yet."""
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
    chance = stream(seed, "promotion", project_id, title)
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
        conversion_rate=min(0.5, parameters.conversion_rate * around_one(chance, parameters.conversion_spread)),
        noise=f"{seed}/spend/{title}/{suffix[10:]}",
    )
