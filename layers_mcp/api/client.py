"""The Layers client."""

from __future__ import annotations

from functools import cached_property

from layers_mcp.api.base_client import BaseClient
from layers_mcp.api.models import Whoami
from layers_mcp.api.request import Request, path
from layers_mcp.api.resources.ads import AdsResource
from layers_mcp.api.resources.content import ContentResource
from layers_mcp.api.resources.credits import CreditsResource
from layers_mcp.api.resources.influencers import InfluencersResource
from layers_mcp.api.resources.jobs import JobsResource
from layers_mcp.api.resources.metrics import MetricsResource
from layers_mcp.api.resources.projects import ProjectsResource
from layers_mcp.api.resources.publishing import PublishingResource


class LayersClient(BaseClient):
    """The Layers Partner API for one key, by resource.

        ranking = await api.metrics.top_performers("prj_…", metric="engagement_rate", window="30d")
        container = await api.content.get("cnt_…")

    Identical reads in flight share one request; nothing is kept afterwards. Requests are repeated as `retry` says,
    for at most 30 seconds a call. Every method raises `LayersError`. The HTTP client is built at the first call.
    """

    async def whoami(self) -> Whoami:
        """Return the key's organization and scopes."""
        return await self.fetch(Whoami, Request(method="GET", path=path("whoami")))

    @cached_property
    def projects(self) -> ProjectsResource:
        """Customers: projects, their accounts, their review policy."""
        return ProjectsResource(self)

    @cached_property
    def metrics(self) -> MetricsResource:
        """Organic results: series and rankings."""
        return MetricsResource(self)

    @cached_property
    def ads(self) -> AdsResource:
        """Paid results, and the pool from which ads are picked."""
        return AdsResource(self)

    @cached_property
    def content(self) -> ContentResource:
        """What is made: orders, containers, and a person's decisions on them."""
        return ContentResource(self)

    @cached_property
    def jobs(self) -> JobsResource:
        """Running work."""
        return JobsResource(self)

    @cached_property
    def credits(self) -> CreditsResource:
        """The organization's credits."""
        return CreditsResource(self)

    @cached_property
    def publishing(self) -> PublishingResource:
        """Content on social accounts, now or at a time."""
        return PublishingResource(self)

    @cached_property
    def influencers(self) -> InfluencersResource:
        """Who can speak in content."""
        return InfluencersResource(self)
