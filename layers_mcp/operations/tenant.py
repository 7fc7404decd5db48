"""Whose operations these are: the organization that Layers names for the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from layers_mcp.api.errors import LayersError, NotConfigured, TimedOut
from layers_mcp.deadlines import WHOAMI_SECONDS
from layers_mcp.operations.identity import normal_base_url
from layers_mcp.operations.models import STAND_IN, Tenant
from layers_mcp.operations.store.base import Store

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


CONFIRMED_SECONDS = 600.0
"""How long an organization counts after Layers named it."""

REFUSED_STATUSES = (401, 403, 404)
"""With which Layers says that the key, or the organization it asks for, is not what it claims to be."""


class TenantResolver:
    """The tenant of one client, as Layers confirms it.

    While Layers cannot be asked, the key stands in for its organization and sees what it ordered itself; with
    `must_be_confirmed` it sees nothing then.
    """

    def __init__(self, api: LayersClient, store: Store, *, must_be_confirmed: bool = False) -> None:
        self._api = api
        self._store = store
        self._must_be_confirmed = must_be_confirmed or bool(api.organization)
        self._base_url = normal_base_url(api.base_url)
        self._confirmed: Tenant | None = None
        self._until = 0.0
        self._refusals = 0

    async def current(self) -> Tenant:
        """Return the tenant whose rows may be read and written now.

        Raises `LayersError` where Layers refuses the key, or cannot be asked and must be; `NotConfigured`; and
        `JournalError` where rows that its key wrote as a stand-in cannot be given to it.
        """
        if (
            self._confirmed is None
            or anyio.current_time() > self._until
            or self._api.times_unauthenticated != self._refusals
        ):
            self._confirmed = await self._asked()
        if self._confirmed is None:
            return Tenant(self._base_url, STAND_IN + self._api.key_fingerprint)
        if self._store.exists and not self._api.organization:  # what a key orders as itself is no child's
            await self._store.adopt(self._confirmed, self._api.key_fingerprint)
        return self._confirmed

    async def _asked(self) -> Tenant | None:
        """Ask Layers; None where it does not answer and the key may stand in."""
        failure: LayersError = TimedOut("Layers did not say in time whose key this is.", nothing_changed=True)
        with anyio.move_on_after(WHOAMI_SECONDS):
            try:
                whoami = await self._api.whoami()
            except LayersError as error:
                failure = error
            else:
                self._until = anyio.current_time() + CONFIRMED_SECONDS
                self._refusals = self._api.times_unauthenticated
                return Tenant(self._base_url, whoami.organization_id)
        if self._must_be_confirmed or isinstance(failure, NotConfigured) or failure.status in REFUSED_STATUSES:
            raise failure
        return None
