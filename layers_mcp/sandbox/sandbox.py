"""`Sandbox`: a private Layers API whose clock can be moved."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from layers_mcp.sandbox.app import App, RecordedRequest
from layers_mcp.sandbox.faults import Fault, FaultPlan
from layers_mcp.sandbox.rate_limit import RateLimits
from layers_mcp.sandbox.simulation.engine import Engine
from layers_mcp.sandbox.simulation.parameters import WorldParameters
from layers_mcp.sandbox.simulation.seed import ALL_SCOPES, Seeder
from layers_mcp.sandbox.simulation.seed_data import AGENCY, STRANGER, SUBSIDIARY
from layers_mcp.sandbox.store import Store
from layers_mcp.sandbox.vintages import Dialect, Vintage

if TYPE_CHECKING:
    from layers_mcp.sandbox.transport import SandboxTransport


def _real_time() -> datetime:
    return datetime.now(UTC)


def _begin(db: sqlite3.Connection, parameters: WorldParameters, seed: int, now: float) -> None:
    """Write a world as it is at its beginning, scored once."""
    Seeder(db, parameters, seed, now).run()
    Engine(parameters, seed).catch_up(db, now)


@lru_cache(maxsize=4)
def _first_rows(parameters: WorldParameters, seed: int, now: float) -> bytes:
    """Return the beginning of a world, written once for every world in memory that begins so."""
    store = Store(None)
    with store.transaction(write=True) as db:
        store.create()
        _begin(db, parameters, seed, now)
    rows = store.db.serialize()
    store.close()
    return rows


@dataclass(frozen=True)
class CreditEvent:
    """A line of the ledger; `credits` is signed, `type` is usage, refund or grant."""

    type: str
    credits: int
    container_ids: tuple[str, ...]
    job_id: str | None
    created_at: datetime


@dataclass(frozen=True)
class Truth:
    """What no answer of the API tells: a published post's true engagement rate, a fraction of its views."""

    platform_post_id: str
    container_id: str | None
    title: str
    mode: str
    engagement_rate: float
    published_at: datetime


class Sandbox:
    """An embedded Layers API.

    `path` keeps the world in a file that several processes may share; without it the world lives in memory. `clock`
    is what time passes by (the machine's, or a test's), to which the world adds what `advance` has moved it.
    `rate_limits` applies those of the standard tier. `vintage` is what the API speaks: the guide's words (preview),
    today's (current), or either (both); the world behind is the same. Raises `WorldFileError` for a file that is no
    world of this version.
    """

    agency, subsidiary, stranger = AGENCY, SUBSIDIARY, STRANGER

    def __init__(
        self,
        *,
        path: Path | None = None,
        clock: Callable[[], datetime] | None = None,
        seed: int = 7,
        faults: Sequence[Fault] = (),
        rate_limits: bool = False,
        world: WorldParameters | None = None,
        vintage: Vintage = "preview",
    ) -> None:
        self.faults = list(faults)
        self._clock = clock or _real_time
        self._parameters = world or WorldParameters()
        self._store = Store(path)
        try:
            self._open(seed, shared=path is not None)
        except BaseException:
            self._store.close()
            raise
        engine = Engine(self._parameters, self._seed)
        plan = FaultPlan(self.faults, self._seed)
        self.app = App(self._store, engine, plan, self._moment, Dialect(vintage), RateLimits() if rate_limits else None)

    def _open(self, seed: int, *, shared: bool) -> None:
        now = self._clock().timestamp()
        if not shared:
            self._store.db.deserialize(_first_rows(self._parameters, seed, now))
        with self._store.transaction(write=True) as db:
            if self._store.create():
                _begin(db, self._parameters, seed, now)
            self._seed: int = db.execute("SELECT seed FROM world").fetchone()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the world; one in memory is gone then."""
        self._store.close()

    def speak(self, vintage: Vintage) -> None:
        """Answer in another vintage from now on, as an API may that moves on; the world stays as it is."""
        self.app.dialect = Dialect(vintage)

    # --- time --------------------------------------------------------------------------------------------------

    def _moment(self) -> float:
        return self._clock().timestamp() + self._store.offset()

    def now(self) -> datetime:
        """Return the world's time, in UTC."""
        return datetime.fromtimestamp(self._moment(), UTC)

    def advance(self, step: timedelta) -> None:
        """Move the world's clock ahead, for every process that shares the world."""
        with self._store.transaction(write=True) as db:
            db.execute("UPDATE world SET offset = offset + ?", (step.total_seconds(),))
        self.app.catch_up(self._moment())

    def reset(self) -> None:
        """Begin the world again, at the clock's time; processes that share it go on in the new one."""
        with self._store.transaction(write=True) as db:
            self._store.clear()
            self._store.create()
            _begin(db, self._parameters, self._seed, self._clock().timestamp())

    # --- what a client needs -----------------------------------------------------------------------------------

    @property
    def api_key(self) -> str:
        """A key with every scope."""
        return self._select("SELECT secret FROM api_keys ORDER BY rowid LIMIT 1")[0][0]

    @property
    def projects(self) -> dict[str, str]:
        """The agency's projects: id by name, as the vintage writes it."""
        rows = self._select("SELECT name, id FROM projects WHERE organization_id = ? ORDER BY rowid", AGENCY)
        return {name: self.app.dialect.id(project_id) for name, project_id in rows}

    def project_id(self, name: str) -> str:
        """Return the id of the project of this name, as the vintage writes it."""
        return self.projects[name]

    def _internal_id(self, project: str) -> str:
        return self._select("SELECT id FROM projects WHERE organization_id = ? AND name = ?", AGENCY, project)[0][0]

    def transport(self) -> SandboxTransport:
        """Return the sandbox without a network, for an HTTP client in this process."""
        from layers_mcp.sandbox.transport import SandboxTransport

        return SandboxTransport(self.app)

    # --- what a test needs -------------------------------------------------------------------------------------

    def issue_key(self, scopes: Sequence[str] | None = None, *, organization: str = AGENCY) -> str:
        """Return another key of the organization, with these scopes (`None`: all)."""
        with self._store.transaction(write=True) as db:
            number = db.execute("SELECT count(*) FROM api_keys").fetchone()[0]
            granted = ALL_SCOPES if scopes is None else tuple(scopes)
            return Seeder(db, self._parameters, self._seed, 0).key(organization, granted, str(number))

    def suspend(self) -> None:
        """Pull the agency's kill switch."""
        self._execute("UPDATE organizations SET suspended = 1 WHERE id = ?", AGENCY)

    def resume(self) -> None:
        """Let the agency in again."""
        self._execute("UPDATE organizations SET suspended = 0 WHERE id = ?", AGENCY)

    def set_review_policy(self, project: str, policy: str, first_n: int = 0) -> None:
        """`auto_approve`, `review_first_n` or `review_all` from now on, for the project of this name."""
        self.app.catch_up(self._moment())
        project_id = self._internal_id(project)
        self._execute("UPDATE projects SET review_policy = ?, first_n = ? WHERE id = ?", policy, first_n, project_id)

    def set_account_status(self, project: str, platform: str, status: str) -> None:
        """Set an account of the named project to `connected`, `reauth_required` or `disconnected`."""
        self.app.catch_up(self._moment())
        self._execute(
            "UPDATE social_accounts SET status = ? WHERE project_id = ? AND platform = ?",
            status,
            self._internal_id(project),
            platform,
        )

    def publish_finished(self, project: str) -> list[str]:
        """Publish now what is finished, needs no decision and was never scheduled, as a person would: each piece on one
        connected account, of a platform it was made for. The scheduled posts' ids.
        """
        now, project_id = self._moment(), self._internal_id(project)
        self.app.catch_up(now)
        with self._store.transaction(write=True) as db:
            return self.app.engine.publisher.publish_finished(db, project_id, now)

    def describe_app(self, project: str, *, name: str = "", description: str = "", demo: bool = False) -> None:
        """Set what the named project says about its app; an empty text is none."""
        project_id = self._internal_id(project)
        media = f"med_{project_id.removeprefix('prj_')}" if demo else None
        self._execute(
            "UPDATE projects SET app_name = ?, app_description = ?, app_demo = ? WHERE id = ?",
            name or None,
            description or None,
            media,
            project_id,
        )

    def set_influencer_status(self, project: str, influencer: str, status: str) -> None:
        """`pending`, `training`, `ready` or `failed`, for the influencer of this name."""
        self._execute(
            "UPDATE influencers SET status = ? WHERE project_id = ? AND name = ?",
            status,
            self._internal_id(project),
            influencer,
        )

    def add_content_layer(self, project: str, layer_id: str, name: str = "extra") -> None:
        """Add a content layer: with several, a generate without a layer is refused."""
        project_id = self._internal_id(project)
        self._execute("INSERT INTO project_layers VALUES (?, ?, ?)", layer_id, project_id, name)

    def retitle(self, platform_post_id: str, title: str) -> None:
        """Change a post's text, as its author may."""
        self._execute("UPDATE platform_posts SET title = ? WHERE id = ?", title, platform_post_id)
        self._execute("UPDATE ads_content SET title = ? WHERE platform_post_id = ?", title, platform_post_id)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests that came in, oldest first; the last 5,000."""
        return list(self.app.requests)

    def ledger(self) -> list[CreditEvent]:
        """Return what was charged and given back, oldest first."""
        self.app.catch_up(self._moment())
        return [
            CreditEvent(
                type=row["event_type"],
                credits=row["credits"],
                container_ids=tuple(json.loads(row["container_ids"])),
                job_id=row["job_id"],
                created_at=datetime.fromtimestamp(row["created_at"], UTC),
            )
            for row in self._select("SELECT * FROM credit_events WHERE organization_id = ? ORDER BY sequence", AGENCY)
        ]

    def truth(self, project: str) -> list[Truth]:
        """Return the hidden worth of the project's published posts, oldest first: for a scorer, never for a policy."""
        self.app.catch_up(self._moment())
        return [
            Truth(
                platform_post_id=row["id"],
                container_id=row["container_id"],
                title=row["title"],
                mode=row["mode"] or "customer",
                engagement_rate=row["quality"] * row["fatigue"],
                published_at=datetime.fromtimestamp(row["published_at"], UTC),
            )
            for row in self._select(
                "SELECT pp.*, c.mode FROM platform_posts pp LEFT JOIN content_containers c ON c.id = pp.container_id"
                " WHERE pp.project_id = ? ORDER BY pp.published_at",
                self._internal_id(project),
            )
        ]

    def _select(self, statement: str, *values: object) -> list[Any]:
        with self._store.transaction(write=False) as db:
            return db.execute(statement, values).fetchall()

    def _execute(self, statement: str, *values: object) -> None:
        with self._store.transaction(write=True) as db:
            db.execute(statement, values)
