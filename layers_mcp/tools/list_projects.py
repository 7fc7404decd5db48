"""list_projects: find the projects of an organization."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import Credits, Project, Whoami
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._gather_settled import GatherSettled


class Organization(Result):
    """Whose key this is."""

    name: str | None = None
    organization_id: str


class Budget(Result):
    """Credits that can be spent now, and upper bounds for one piece of each format."""

    available: int | None = None
    estimated_per_format: dict[str, int]


class ProjectRow(Result):
    """A customer's project."""

    project_id: str
    name: str | None = None
    status: str | None = None
    timezone: str | None = None


class Projects(Result):
    """A page of the organization's projects, newest first."""

    organization: Organization | None = None
    credits: Budget | None = None
    projects: list[ProjectRow]
    next_cursor: str | None = None
    notes: list[str]


@tool(
    title="List projects and credits",
    kind=READ,
    scope="projects:read",
    example={"search": "acme"},
)
async def list_projects(
    context: ToolContext,
    search: Annotated[str, Field(description="Part of a name.")] = "",
    include_archived: Annotated[bool, Field(description="Archived too.")] = False,
    limit: Annotated[int, Field(description="Per page.", ge=1, le=100)] = 20,
    cursor: Annotated[str, Field(description="From next_cursor.")] = "",
) -> Projects:
    """List projects: all customers, clients, brands or apps we have under this organization or account, who the key is
    logged in as, and the balance: how many credits are left.

    Use it first, to find one by name: its project id. What a video or slideshow would cost. For its state:
    check_readiness.
    """
    api, status = context.api, "" if include_archived else "active"
    async with GatherSettled(context.deadline) as reads:
        projects = reads.start(api.projects.list, search=search, status=status, limit=limit, cursor=cursor)
        whoami = reads.start(api.whoami)
        balance = reads.start(api.credits.get)
    page = projects.value
    notes = [
        f"The {what} is left out. {read.outcome}"
        for what, read in (("organization", whoami), ("credit balance", balance))
        if isinstance(read.outcome, LayersError)
    ]
    notes += page.notes
    if not page.items:
        notes.append(_nothing_found(search, cursor, include_archived=include_archived))
    return Projects(
        organization=_organization(whoami.or_else(None)),
        credits=_budget(balance.or_else(None)),
        projects=[_row(project) for project in page.items],
        next_cursor=page.next_cursor,
        notes=notes,
    )


def _nothing_found(search: str, cursor: str, *, include_archived: bool) -> str:
    if cursor:
        return "This page is empty: the list ends here."
    if search:
        return "No project's name contains this; without search every project is listed."
    return "The organization has no projects yet." if include_archived else "The organization has no active projects."


def _row(project: Project) -> ProjectRow:
    return ProjectRow(
        project_id=project.id,
        name=clean(project.name)[0] if project.name else None,
        status=project.status,
        timezone=clean(project.timezone)[0] if project.timezone else None,
    )


def _organization(whoami: Whoami | None) -> Organization | None:
    if whoami is None:
        return None
    name = clean(whoami.organization_name)[0] if whoami.organization_name else None
    return Organization(organization_id=whoami.organization_id, name=name)


def _budget(balance: Credits | None) -> Budget | None:
    return balance and Budget(available=balance.spendable, estimated_per_format=balance.readable_estimates)
