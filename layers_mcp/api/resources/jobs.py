"""Jobs: running work, followed to its end or stopped."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from http import HTTPStatus

from layers_mcp.api.base_client import BaseClient
from layers_mcp.api.dialects import adapters
from layers_mcp.api.errors import LayersError
from layers_mcp.api.job_polling import JobFeed, Observer
from layers_mcp.api.models import CancelReply, Job
from layers_mcp.api.request import Repeat, Request, path
from layers_mcp.api.resources._base import Resource, require_same_id


class JobsResource(Resource):
    """`/v1/jobs`."""

    def __init__(self, client: BaseClient) -> None:
        super().__init__(client)
        self._feeds: dict[str, JobFeed] = {}

    async def get(self, job_id: str) -> Job:
        """Return a job as it is now."""
        job = await self._client.fetch(Job, _job(job_id), adapters.job)
        require_same_id(job_id, job.job_id, read=True)
        return job

    async def follow(self, job_id: str, observer: Observer) -> Job:
        """Poll a job until it has ended; `observer` hears of each new state. All who follow one job share its polls.

        Raises LayersError where reading it again is no use; a failure that may pass is told to `observer` only.
        """
        feed = self._feeds.setdefault(job_id, JobFeed(partial(self._poll, job_id)))
        try:
            with feed.observed(observer):
                job = await self._client.supervisor.single_flight(("follow", id(self), job_id), feed.run)
        except LayersError:
            self._feeds.pop(job_id, None)
            raise
        self._feeds.pop(job_id, None)
        return job

    async def _poll(self, job_id: str, etag: str) -> tuple[Job | None, str]:
        request = replace(_job(job_id), etag=etag, repeat=Repeat.NEVER)
        await self._client.shared.polls.turn()
        response = await self._client.retry.perform(request)
        if response.status == HTTPStatus.NOT_MODIFIED:
            return None, etag
        job = await self._client.decode(Job, response, adapters.job)
        require_same_id(job_id, job.job_id, read=True)
        return job, response.etag

    async def cancel(self, job_id: str) -> CancelReply:
        """Ask a job to stop at its next stage."""
        request = Request(
            method="POST",
            path=path("jobs", job_id, "cancel"),
            bucket="write-light",
            scope="jobs:cancel",
            subject="job",
        )
        return await self._client.submit(CancelReply, request)


def _job(job_id: str) -> Request:
    return Request(method="GET", path=path("jobs", job_id), scope="jobs:read", subject="job")
