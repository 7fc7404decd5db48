"""How the world goes on: jobs end, what was scheduled goes out, creatives are scored and promoted.

There is no background task. Each request first brings the world up to its moment: what should have happened by then
happens, in the order of time, whoever asks first.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from layers_mcp.sandbox.simulation.curves import DAY, AdCurve, PostCurve, post_curve, total
from layers_mcp.sandbox.simulation.parameters import WorldParameters
from layers_mcp.sandbox.simulation.publishing import Publisher
from layers_mcp.sandbox.simulation.records import charge, creatives, posts_by_creative, promote, promotions

JUST_LINKED_SECONDS = 7 * 60.0
"""An account without a link time was linked this long ago, whenever one asks."""


@dataclass
class Engine:
    """The world's rules, applied to its rows."""

    parameters: WorldParameters
    seed: int
    _ads: dict[tuple[str, float], AdCurve] = field(default_factory=dict[tuple[str, float], AdCurve])

    @property
    def publisher(self) -> Publisher:
        """The part that lets scheduled posts go out."""
        return Publisher(self.parameters, self.seed)

    # --- moments -----------------------------------------------------------------------------------------------

    def synced_at(self, now: float) -> float:
        """Return the latest sync: what happened after it is not seen yet."""
        step = self.parameters.sync_minutes * 60
        return now // step * step

    def scored_at(self, now: float) -> float:
        """Return the latest scoring run."""
        step = self.parameters.scoring_hours * 3600
        return now // step * step

    # --- curves ------------------------------------------------------------------------------------------------

    def post_curve(self, post: sqlite3.Row) -> PostCurve:
        """Return what this post has gathered, by moment."""
        return post_curve(
            post["published_at"],
            post["reach"],
            min(0.9, post["quality"] * post["fatigue"]),
            post["watch_ms"],
            self.parameters.saturation_days,
            post["noise"],
        )

    def ad_curve(self, promotion: sqlite3.Row) -> AdCurve:
        """Return what this promotion has spent and brought, by moment."""
        key: tuple[str, float] = (promotion["noise"], promotion["started_at"])
        if key not in self._ads:
            self._ads[key] = AdCurve(
                started_at=promotion["started_at"],
                days=promotion["days"],
                budget=promotion["budget"],
                cost_per_mille=self.parameters.cost_per_mille,
                click_rate=self.parameters.click_rate,
                conversion_rate=promotion["conversion_rate"],
                conversion_value=self.parameters.conversion_value,
                noise=promotion["noise"],
            )
        return self._ads[key]

    # --- going on ----------------------------------------------------------------------------------------------

    def behind(self, db: sqlite3.Connection, now: float) -> bool:
        """Return whether anything should have happened by `now` that has not."""
        return bool(
            db.execute(
                "SELECT EXISTS (SELECT 1 FROM jobs WHERE settled = 0 AND ends_at <= ?1)"
                " OR EXISTS (SELECT 1 FROM scheduled_posts WHERE next_at <= ?1)"
                " OR (SELECT scored_at FROM world) < ?2",
                (now, self.scored_at(now)),
            ).fetchone()[0]
        )

    def catch_up(self, db: sqlite3.Connection, now: float) -> None:
        """Bring the world to `now`; inside a write."""
        for job in db.execute(
            "SELECT * FROM jobs WHERE settled = 0 AND ends_at <= ? ORDER BY ends_at", (now,)
        ).fetchall():
            self._end_job(db, job)
        self.publisher.catch_up(db, now)
        self._score_until(db, self.scored_at(now))

    def _end_job(self, db: sqlite3.Connection, job: sqlite3.Row) -> None:
        db.execute("UPDATE jobs SET settled = 1 WHERE id = ?", (job["id"],))
        containers = db.execute(
            "SELECT * FROM content_containers WHERE job_id = ? ORDER BY sequence", (job["id"],)
        ).fetchall()
        if job["outcome"] != "completed":
            charge(
                db,
                self.seed,
                job["ends_at"],
                organization_id=job["organization_id"],
                project_id=job["project_id"],
                event_type="refund",
                amount=job["credits"],
                content_format=containers[0]["format"],
                job_id=job["id"],
                container_ids=[row["id"] for row in containers],
            )

    # --- scoring -----------------------------------------------------------------------------------------------

    def _score_until(self, db: sqlite3.Connection, latest: float) -> None:
        """Do the latest scoring run, and the promotions of every run since the last one that was done."""
        done: float = db.execute("SELECT scored_at FROM world").fetchone()[0]
        if done >= latest:
            return
        step = self.parameters.scoring_hours * 3600
        runs = round((latest - max(done, latest - 365 * DAY)) / step) if done else 1
        moments = [latest - run * step for run in reversed(range(runs))]
        for project in db.execute("SELECT id, ad_account_id FROM projects").fetchall():
            if project["ad_account_id"] is not None:
                self._promote(db, project["id"], moments)
            for creative in creatives(db, project["id"]):
                if creative["created_at"] <= latest:
                    score = self._organic_score(db, creative, latest)
                    db.execute(
                        "UPDATE ads_content SET organic_score = ?, scored_at = ? WHERE id = ?",
                        (score, latest, creative["id"]),
                    )
        db.execute("UPDATE world SET scored_at = ?", (latest,))

    def _promote(self, db: sqlite3.Connection, project_id: str, moments: list[float]) -> None:
        """At each run, put into paid what is eligible and stands out, or what an override includes."""
        rules = self.parameters
        waiting = [creative for creative in creatives(db, project_id) if creative["promoted_at"] is None]
        posts = posts_by_creative(db, project_id)
        curves = {key: [self.post_curve(post) for post in of_key] for key, of_key in posts.items()}
        for moment in moments:
            totals = {key: total([curve.at(moment) for curve in of_key]) for key, of_key in curves.items()}
            rates = {key: seen.engagement_rate for key, seen in totals.items() if seen.views >= rules.promotion_views}
            if not rates:
                continue
            bar = sorted(rates.values())[len(rates) // 2] * rules.promotion_times_median
            for creative in list(waiting):
                stands_out = rates.get(creative["id"], 0.0) > bar
                if creative["created_at"] > moment or not (stands_out or creative["override"] == "include"):
                    continue
                if self.eligible(creative, self._organic_score(db, creative, moment)):
                    promote(db, rules, self.seed, project_id, creative["id"], moment)
                    waiting.remove(creative)

    def _organic_score(self, db: sqlite3.Connection, creative: sqlite3.Row, moment: float) -> float:
        rules = self.parameters
        if creative["scoring_pool"] == "ugc":
            post = db.execute("SELECT * FROM platform_posts WHERE id = ?", (creative["platform_post_id"],)).fetchone()
            if self.post_curve(post).at(moment).views < rules.ugc_views:
                return 0.0
        age = min((moment - creative["created_at"]) / (rules.score_days * DAY), 1.0)
        score = rules.score_start - (rules.score_start - rules.score_end) * age
        spend = 0.0
        for promotion in promotions(db, creative["id"]):
            curve = self.ad_curve(promotion)
            spend += curve.at(moment).spend - curve.at(moment - 30 * DAY).spend
        return round(min(10.0, score + min(rules.boost_most, spend / rules.spend_per_point)), 2)

    def eligible(self, creative: sqlite3.Row, score: float | None) -> bool:
        """Return whether a creative of this score may be promoted; an override beats it."""
        if creative["override"]:
            return creative["override"] == "include"
        return (score or 0.0) >= self.parameters.eligible_score
