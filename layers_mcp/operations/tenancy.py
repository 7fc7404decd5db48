"""Whose orders these are: the organization behind the key, so that a rotated key sees the same journal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import anyio

from layers_mcp.api.errors import LayersError, NotConfigured
from layers_mcp.operations.access import JournalAccess
from layers_mcp.operations.entry import STAND_IN, Tenant
from layers_mcp.operations.errors import JournalError

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient

WHOAMI_SECONDS = 5.0
"""How long an order waits to learn whose it is, before the key's fingerprint stands in."""


class Tenancy:
    """The tenant of one client."""

    def __init__(self, layers: LayersClient, journal: JournalAccess) -> None:
        self._layers = layers
        self._journal = journal
        self.base_url = layers.base_url.rstrip("/").lower()
        self._organization = layers.organization

    async def current(self) -> Tenant:
        """The header's organization, else the one remembered for the key, else the one that `whoami` names now.

        While none can be read, the key's fingerprint stands in; the next call asks again. Raises `NotConfigured`.
        """
        if not self._organization:
            self._organization = await self._remembered() or await self._asked()
        if not self._organization:
            return Tenant(self.base_url, STAND_IN + self._layers.key_fingerprint)
        return Tenant(self.base_url, self._organization)

    async def _remembered(self) -> str:
        fingerprint = self._layers.key_fingerprint
        return await self._journal.read(lambda journal: journal.organization(self.base_url, fingerprint), None) or ""

    async def _asked(self) -> str:
        organization = ""
        with anyio.move_on_after(WHOAMI_SECONDS):
            try:
                organization = (await self._layers.whoami()).organization_id
            except NotConfigured:
                raise
            except LayersError:
                return ""
        if organization:
            fingerprint = self._layers.key_fingerprint
            with contextlib.suppress(JournalError):  # what is not remembered is asked again
                await self._journal.step(lambda journal: journal.remember(self.base_url, fingerprint, organization))
        return organization
