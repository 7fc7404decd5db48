"""The sandbox's state: SQLite, in memory or in a file that several processes share.

`platform_posts`, `social_accounts`, `ads_content` and `project_ads_content` are named as in the guide, so that its two
queries run as written. Times are seconds since 1970.
"""

from __future__ import annotations

import errno
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

VERSION = 3

_SCHEMA = """
CREATE TABLE world (seed INTEGER, offset REAL, sequence INTEGER, created_at REAL, scored_at REAL);
CREATE TABLE organizations (id TEXT PRIMARY KEY, parent_id TEXT, name TEXT, suspended INTEGER DEFAULT 0);
CREATE TABLE api_keys (id TEXT PRIMARY KEY, secret TEXT UNIQUE, organization_id TEXT, scopes TEXT);
CREATE TABLE projects (
    id TEXT PRIMARY KEY, organization_id TEXT, name TEXT, status TEXT DEFAULT 'active', timezone TEXT,
    review_policy TEXT, first_n INTEGER DEFAULT 0, policy_set_at REAL, ad_account_id TEXT, app_name TEXT,
    app_description TEXT, app_demo TEXT, created_at REAL);
CREATE TABLE project_layers (id TEXT PRIMARY KEY, project_id TEXT, name TEXT);
CREATE TABLE social_accounts (
    id TEXT PRIMARY KEY, project_id TEXT, platform TEXT, handle TEXT, status TEXT DEFAULT 'connected',
    followers INTEGER, influencer_id TEXT, leased INTEGER DEFAULT 0, connected_at REAL);
CREATE TABLE influencers (
    id TEXT PRIMARY KEY, project_id TEXT, name TEXT, status TEXT, gender TEXT, created_at REAL);
CREATE TABLE hooks (project_id TEXT, text TEXT, quality REAL, PRIMARY KEY (project_id, text));
CREATE TABLE platform_posts (
    id TEXT PRIMARY KEY, external_id TEXT UNIQUE, social_account_id TEXT, project_id TEXT, platform TEXT,
    published_at REAL, container_id TEXT, title TEXT, format TEXT, original_id TEXT, quality REAL, fatigue REAL,
    reach REAL, watch_ms REAL, noise TEXT);
CREATE INDEX posts_by_project ON platform_posts (project_id, published_at);
CREATE TABLE ads_content (
    id TEXT PRIMARY KEY, source_type TEXT, source_id TEXT, platform_post_id TEXT, title TEXT, scoring_pool TEXT,
    organic_score REAL, scored_at REAL, override TEXT, note TEXT, created_at REAL);
CREATE INDEX ads_content_by_post ON ads_content (platform_post_id);
CREATE INDEX ads_content_by_source ON ads_content (source_id);
CREATE TABLE project_ads_content (project_id TEXT, ads_content_id TEXT, promoted_at REAL,
    PRIMARY KEY (project_id, ads_content_id));
CREATE TABLE promotions (
    id TEXT PRIMARY KEY, project_id TEXT, ads_content_id TEXT, platform TEXT, adset_id TEXT, campaign_id TEXT,
    ad_account_id TEXT, started_at REAL, days REAL, budget REAL, conversion_rate REAL, noise TEXT);
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, organization_id TEXT, project_id TEXT, kind TEXT, started_at REAL, seconds REAL, ends_at REAL,
    outcome TEXT, settled INTEGER DEFAULT 0, credits INTEGER, minted_id TEXT, request TEXT, response TEXT);
CREATE UNIQUE INDEX jobs_by_minted_id ON jobs (organization_id, minted_id) WHERE minted_id IS NOT NULL;
CREATE INDEX jobs_open ON jobs (ends_at) WHERE settled = 0;
CREATE TABLE content_containers (
    id TEXT PRIMARY KEY, sequence INTEGER UNIQUE, project_id TEXT, job_id TEXT, minted_id TEXT, mode TEXT, format TEXT,
    hook TEXT, caption TEXT, cta TEXT, brief TEXT, influencer_id TEXT, source_tiktok_id TEXT, media_id TEXT,
    source_post_id TEXT, original_id TEXT, quality REAL, fatigue REAL,
    approval_status TEXT, decided_at REAL, decided_by TEXT, reason TEXT, created_at REAL);
CREATE INDEX containers_by_job ON content_containers (job_id);
CREATE INDEX containers_by_minted_id ON content_containers (minted_id);
CREATE INDEX containers_by_project ON content_containers (project_id, sequence);
CREATE TABLE scheduled_posts (
    id TEXT PRIMARY KEY, sequence INTEGER UNIQUE, minted_id TEXT, project_id TEXT, container_id TEXT,
    social_account_id TEXT, platform TEXT, mode TEXT, caption TEXT, first_comment TEXT, status TEXT,
    blocked INTEGER DEFAULT 0, login_expires INTEGER DEFAULT 0, scheduled_for REAL, next_at REAL, created_at REAL,
    updated_at REAL, attempted_at REAL, published_at REAL, canceled_at REAL, reason TEXT, external_id TEXT,
    external_url TEXT, error_code TEXT, error_message TEXT);
CREATE INDEX scheduled_posts_due ON scheduled_posts (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX scheduled_posts_by_project ON scheduled_posts (project_id, scheduled_for);
CREATE INDEX scheduled_posts_by_container ON scheduled_posts (container_id);
CREATE TABLE credit_events (
    id TEXT PRIMARY KEY, sequence INTEGER UNIQUE, organization_id TEXT, project_id TEXT, event_type TEXT,
    credits INTEGER, format TEXT, job_id TEXT, container_ids TEXT, created_at REAL);
CREATE TABLE recommendation_status (recommendation_id TEXT PRIMARY KEY, status TEXT, note TEXT, updated_at REAL);
CREATE TABLE idempotency (
    api_key_id TEXT, endpoint TEXT, idempotency_key TEXT, request TEXT, status INTEGER, body TEXT, created_at REAL,
    PRIMARY KEY (api_key_id, endpoint, idempotency_key));
"""


class WorldFileError(Exception):
    """The file is no world that can be used; it is left as it was."""


class WorldVersionError(WorldFileError):
    """The file is a world of another version. Beginning it again helps."""


def _unusable(path: Path | None) -> OSError:
    return OSError(errno.EACCES, "the world's file cannot be used", str(path))


class Store:
    """One connection to the world, safe to use from several threads and beside other processes."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        try:
            self.db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=10)
        except sqlite3.OperationalError:
            raise _unusable(path) from None
        self.db.row_factory = sqlite3.Row
        if path is not None:
            self._share(path)

    def _share(self, path: Path) -> None:
        """Switch to a write-ahead log. Two processes that do so at once can meet a lock no timeout waits for."""
        for attempt in range(50):
            try:
                if not self._is_world():
                    raise sqlite3.DatabaseError("tables of something else")
                self.db.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                if attempt == 49 or "locked" not in str(error):
                    self.db.close()
                    raise _unusable(path) from None
                time.sleep(0.02)
            except sqlite3.DatabaseError as error:
                self.db.close()
                raise WorldFileError("The world's file is not a sandbox world.") from error
        self.db.execute("PRAGMA synchronous=NORMAL")

    def _is_world(self) -> bool:
        """Return whether the file is a world of some version, or still empty: nothing else is ever written to."""
        tables = {row["name"] for row in self.db.execute("SELECT name FROM sqlite_master")}
        versioned = self.db.execute("PRAGMA user_version").fetchone()[0] != 0
        return not tables or ("world" in tables and versioned)

    def create(self) -> bool:
        """Make the tables where there are none yet; inside a write. Answers whether the world is new."""
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        if version == VERSION:
            return False
        if version or self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise WorldVersionError("The world's file was made by another version of the sandbox.")
        for statement in _SCHEMA.split(";"):
            self.db.execute(statement)
        self.db.execute(f"PRAGMA user_version={VERSION}")
        return True

    def clear(self) -> None:
        """Drop everything; inside a write, so that other processes see the old world or the new one."""
        for row in self.db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
            self.db.execute(f'DROP TABLE "{row["name"]}"')
        self.db.execute("PRAGMA user_version=0")

    @contextmanager
    def transaction(self, *, write: bool) -> Generator[sqlite3.Connection]:
        """Yield a transaction: all or nothing; a write waits for other processes' writes."""
        with self._lock:
            self.db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield self.db
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    def offset(self) -> float:
        """By how many seconds the world is ahead of its clock: one statement, which needs no transaction of its own."""
        with self._lock:
            return self.db.execute("SELECT offset FROM world").fetchone()[0]

    def close(self) -> None:
        """Close the connection; a world in memory is gone then."""
        with self._lock:
            self.db.close()
