"""The beginning of the world: one agency, its four customers, and a stranger whose data it must never see."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from layers_mcp.sandbox.simulation.curves import DAY, post_curve
from layers_mcp.sandbox.simulation.parameters import WorldParameters
from layers_mcp.sandbox.simulation.publishing import external_url
from layers_mcp.sandbox.simulation.records import add_creative, insert, promote
from layers_mcp.sandbox.simulation.rng import generator, lognormal, ulid
from layers_mcp.sandbox.simulation.seed_data import (
    ACME_ID,
    ACME_TODO,
    AGENCY,
    APPS,
    EXCLUDED,
    GLOBEX_FIT,
    MANUAL_AD,
    PINNED,
    STRANGER,
    SUBSIDIARY,
    SeedInfluencer,
    SeedPost,
)

ALL_SCOPES = (
    "ads:read",
    "ads:write",
    "content:approve",
    "content:read",
    "content:write",
    "influencers:write",
    "jobs:cancel",
    "jobs:read",
    "metrics:read",
    "projects:read",
    "publish:read",
    "publish:write",
    "social:read",
)


@dataclass
class Seeder:
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
        self.post(stranger, "umbrella-labs", SeedPost("Nothing to see here", 0.03, 2_000, "tiktok", 9.0))

    def id(self, prefix: str, *parts: object, at: float | None = None) -> str:
        """Return an id of the start, the same for every world of this seed and moment."""
        return f"{prefix}_{ulid(self.now if at is None else at, self.seed, prefix, *parts)}"

    def insert(self, table: str, **values: object) -> None:
        """One row."""
        insert(self.db, table, **values)

    def key(self, organization_id: str, scopes: tuple[str, ...], name: str = "default") -> str:
        """Make a key of the organization, and return its secret."""
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
        """Make a customer with its content layer and an account per number of followers: TikTok, then Instagram."""
        app = APPS.get(name)
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
            app_name=app and app.name,
            app_description=app and app.description,
            app_demo=self.id("med", name, at=created_at) if app and app.demo else None,
            created_at=created_at,
        )
        speakers = self.influencers(project_id, name, app.influencers if app else (), created_at)
        self.insert("project_layers", id=self.id("lay", name, at=created_at), project_id=project_id, name="content")
        for platform, count in zip(("tiktok", "instagram"), followers, strict=False):
            self.insert(
                "social_accounts",
                id=self.id("sa", name, platform, at=created_at),
                project_id=project_id,
                platform=platform,
                handle=name.replace("-", "." if platform == "instagram" else ""),
                followers=count,
                influencer_id=speakers.get(platform),
                leased=name == "globex-fit" and platform == "instagram",
                connected_at=None if just_linked else created_at + DAY / 2,
            )
        return project_id

    def influencers(
        self, project_id: str, name: str, seeds: Sequence[SeedInfluencer], created_at: float
    ) -> dict[str, str]:
        """Return who can speak for the project: the influencer wired to each platform's account."""
        wired: dict[str, str] = {}
        for place, one in enumerate(seeds):
            made_at = created_at + place * 3600
            influencer_id = self.id("inf", name, one.name, at=made_at)
            self.insert(
                "influencers",
                id=influencer_id,
                project_id=project_id,
                name=one.name,
                status=one.status,
                gender=one.gender,
                created_at=made_at,
            )
            wired |= dict.fromkeys(one.accounts, influencer_id)
        return wired

    def post(self, project_id: str, name: str, opening: SeedPost) -> None:
        """Add a live post, its creative for the scorer, and what Layers has promoted of it."""
        published_at = self.now - opening.days_old * DAY
        post_id = self.id("pp", name, opening.hook, at=published_at)
        chance = generator(self.seed, "opening", name, opening.hook)
        usual = lognormal(chance, self.parameters.watch_seconds_median, self.parameters.watch_spread)
        watch_ms = 1000 * (opening.watch_seconds or usual)
        container_id = None
        if opening.made_by == "layers":
            container_id = self.container(project_id, name, opening, published_at)
        self.insert("hooks", project_id=project_id, text=opening.hook, quality=opening.rate)
        self.insert(
            "platform_posts",
            id=post_id,
            external_id=str(generator(self.seed, "external", post_id).randrange(10**18, 10**19)),
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
        if container_id is not None:
            self.scheduled(project_id, name, opening, container_id, published_at)
        creative_id = self.id("adc", name, opening.hook, at=published_at)
        add_creative(self.db, creative_id, project_id, post_id, container_id, opening.hook, published_at)
        if opening.promoted_days:
            started_at = self.now - opening.promoted_days * DAY
            promote(self.db, self.parameters, self.seed, project_id, creative_id, started_at)

    def _created(self, project_id: str) -> float:
        return self.db.execute("SELECT created_at FROM projects WHERE id = ?", (project_id,)).fetchone()[0]

    def _lowest(self, table: str) -> int:
        """Return a sequence number below all others: the beginning comes before anything that is ordered."""
        return (self.db.execute(f"SELECT min(sequence) FROM {table}").fetchone()[0] or 0) - 1  # noqa: S608

    def _noise(self, post_id: str, opening: SeedPost, published_at: float, watch_ms: float) -> str:
        """Return the first draw under which the post looks as it must."""
        low, high = opening.seen
        for attempt in range(10_000):
            noise = f"{self.seed}/post/{opening.hook}/{attempt}"
            curve = post_curve(
                published_at, opening.reach, opening.rate, watch_ms, self.parameters.saturation_days, noise
            )
            if low <= curve.at(self.now - 1800).engagement_rate <= high:
                return noise
        raise ValueError(f"no draw of {post_id} looks as the catalog says")

    def container(self, project_id: str, name: str, opening: SeedPost, published_at: float) -> str:
        """Return the finished content behind a post that Layers made."""
        created_at = published_at - DAY
        container_id = self.id("cnt", name, opening.hook, at=created_at)
        reviewed = name == "acme-todo"
        self.insert(
            "content_containers",
            id=container_id,
            sequence=self._lowest("content_containers"),
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
        )
        return container_id

    def scheduled(self, project_id: str, name: str, opening: SeedPost, container_id: str, published_at: float) -> None:
        """Add the scheduled post that a container's post came from."""
        account_id = self.id("sa", name, opening.platform, at=self._created(project_id))
        post = self.db.execute("SELECT * FROM platform_posts WHERE container_id = ?", (container_id,)).fetchone()
        handle = self.db.execute("SELECT handle FROM social_accounts WHERE id = ?", (account_id,)).fetchone()[0]
        attempted_at = published_at - 8
        self.insert(
            "scheduled_posts",
            id=self.id("sp", name, opening.hook, at=published_at),
            sequence=self._lowest("scheduled_posts"),
            project_id=project_id,
            container_id=container_id,
            social_account_id=account_id,
            platform=opening.platform,
            mode="publish",
            status="published",
            scheduled_for=attempted_at,
            created_at=published_at - DAY / 5,
            updated_at=published_at,
            attempted_at=attempted_at,
            published_at=published_at,
            external_id=post["external_id"],
            external_url=external_url(opening.platform, handle, post["external_id"]),
        )

    def manual_ad(self, project_id: str) -> None:
        """Add a creative that exists only as an ad: a ranking row without an organic block."""
        creative_id = self.id("adc", MANUAL_AD)
        add_creative(self.db, creative_id, project_id, None, None, MANUAL_AD, self.now - 20 * DAY, source="manual")
        promote(self.db, self.parameters, self.seed, project_id, creative_id, self.now - 18 * DAY)
