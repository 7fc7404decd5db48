"""Who may ask: keys, organizations, the kill switch, scopes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from layers_mcp.sandbox.context import Principal
from layers_mcp.sandbox.responses import ApiError, not_found


def authenticate(db: sqlite3.Connection, headers: Mapping[str, str]) -> Principal:
    """Return the principal behind the request's key and organization header."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    key = db.execute("SELECT * FROM api_keys WHERE secret = ?", (secret.strip(),)).fetchone()
    if scheme.lower() != "bearer" or key is None:
        raise ApiError("UNAUTHENTICATED", "The API key is missing or not valid.")
    organization_id: str = key["organization_id"]
    wanted = headers.get("x-layers-organization", organization_id)
    organization = db.execute("SELECT * FROM organizations WHERE id = ?", (wanted,)).fetchone()
    if organization is None or organization_id not in (organization["id"], organization["parent_id"]):
        raise not_found("Organization")
    own = db.execute("SELECT suspended FROM organizations WHERE id = ?", (organization_id,)).fetchone()
    if own["suspended"] or organization["suspended"]:
        raise ApiError("KILL_SWITCH", "API access of this organization is suspended.")
    return Principal(key["id"], wanted, organization["name"], tuple(json.loads(key["scopes"])))


def require_scope(principal: Principal, scope: str | None) -> None:
    """Refuse a key without the endpoint's scope."""
    if scope is not None and scope not in principal.scopes and ("*" not in principal.scopes or scope == "org:admin"):
        raise ApiError("FORBIDDEN_SCOPE", f"The API key lacks the scope {scope}.", details={"requiredScope": scope})
