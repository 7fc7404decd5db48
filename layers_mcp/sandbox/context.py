"""One authorised request, as the endpoints see it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from layers_mcp.sandbox.faults import Fault, Kind
from layers_mcp.sandbox.ids import to_current, to_internal
from layers_mcp.sandbox.responses import Response, encode, not_found
from layers_mcp.sandbox.simulation.engine import Engine
from layers_mcp.sandbox.simulation.parameters import WorldParameters
from layers_mcp.sandbox.vintages import Dialect


@dataclass(frozen=True)
class Principal:
    """The key that asks, and the organization it asks for."""

    key_id: str
    organization_id: str
    organization_name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class RequestContext:
    """What an endpoint works with; `now` is the world's moment, in seconds since 1970, `number` the request's."""

    db: sqlite3.Connection
    engine: Engine
    now: float
    principal: Principal
    path: Mapping[str, str]
    headers: Mapping[str, str]
    dialect: Dialect
    number: int = 0
    faults: Mapping[Kind, Sequence[Fault]] = field(default_factory=dict[Kind, Sequence[Fault]])

    @property
    def rules(self) -> WorldParameters:
        return self.engine.parameters

    @property
    def seed(self) -> int:
        return self.engine.seed

    @property
    def seen(self) -> float:
        """The latest sync: nothing later is in any number."""
        return self.engine.synced_at(self.now)

    def response(self, status: int, value: object) -> Response:
        """Return a JSON response, its ids in the vintage's form."""
        return Response(status, encode(self.dialect.translate(value)))

    def login_expires(self, account: sqlite3.Row) -> bool:
        """Return whether a fault lets the account's login expire before a post goes out."""
        names = {None, account["platform"], account["handle"], account["id"], to_current(account["id"])}
        return any(fault.account in names for fault in self.faults.get("login_expired", ()))

    def project(self, project_id: str | None = None) -> sqlite3.Row:
        """Return the project of the path (or this one), if it is the principal's."""
        row = self.one(
            "SELECT * FROM projects WHERE id = ? AND organization_id = ?",
            to_internal("prj", project_id or self.path["projectId"]),
            self.principal.organization_id,
        )
        if row is None:
            raise not_found("Project")
        return row

    def one(self, statement: str, *values: object) -> sqlite3.Row | None:
        """Return the first row, if there is one."""
        return self.db.execute(statement, values).fetchone()

    def all(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Return all rows."""
        return self.db.execute(statement, values).fetchall()
