"""Which vintage an API is: named by a setting, or detected by evidence that costs nothing.

There is no version to ask for. The evidence, strongest first: an order that was answered 404 in a project that can be
read proves that the address is absent (nothing was ordered); of the two addresses of the review policy, each vintage
has one. Where both or neither answer, the preview's orders are tried first, since that 404 then proves the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, Protocol

import anyio

from layers_mcp.api.decoding import members
from layers_mcp.api.dialects.base import Capabilities, Dialect, Vintage
from layers_mcp.api.dialects.current import Current
from layers_mcp.api.dialects.preview import Preview
from layers_mcp.api.errors import ForbiddenScope, LayersError
from layers_mcp.api.plans import OrderRequest
from layers_mcp.api.request import Request, path
from layers_mcp.deadlines import DETECTION_SECONDS

if TYPE_CHECKING:
    from layers_mcp.api.review_policies import ReviewPolicyCache
    from layers_mcp.api.transport import Response

DIALECTS: dict[Vintage, Dialect] = {"preview": Preview(), "current": Current()}

Missing = Literal["address", "id", "unclear"]
"""What a 404 was about."""

Evidence = Literal["present", "absent", "forbidden", "unclear"]
"""What a read shows of an address; it is forbidden where the key lacks the scope for it."""

RECHECK_SECONDS = 24 * 3600.0
"""An API can move on while a server runs."""

_POLICIES = tuple(dialect.review_policy for dialect in DIALECTS.values())

_SETTING = "the setting --vintage names it"


@dataclass(frozen=True, slots=True)
class Finding:
    """A vintage, and in one sentence how it was found. `certain` is False where it is only what is tried first."""

    vintage: Vintage
    reason: str
    certain: bool = True


class Get(Protocol):
    """Sends a read."""

    def __call__(self, request: Request, *, deadline: float | None = None) -> Awaitable[Response]: ...


class VintageDetection:
    """What is known of one API for one key."""

    def __init__(self, get: Get, policies: ReviewPolicyCache, setting: Vintage | None) -> None:
        """Take the vintage that the user named as `setting`, None to detect it. Evidence is kept in `policies`."""
        self._get = get
        self._policies = policies
        self._setting: Vintage | None = setting
        self._finding: Finding | None = None
        self._found_at = 0.0
        self._one_at_a_time = anyio.Lock()

    @property
    def is_set(self) -> bool:
        """Whether the user named the vintage, so that no evidence changes it."""
        return self._setting is not None

    @property
    def known(self) -> Finding | None:
        """What is known without asking."""
        return Finding(self._setting, _SETTING) if self._setting else self._finding

    @property
    def capabilities(self) -> Capabilities:
        """What the API can do as far as is known without asking; where nothing is, what the guide's can."""
        return DIALECTS[self.known.vintage if self.known else "preview"].capabilities

    async def dialect(self, project_id: str) -> Dialect:
        """Return the dialect in which `project_id` is asked; looks at the evidence at most once a day."""
        return DIALECTS[(await self.find(project_id)).vintage]

    async def find(self, project_id: str) -> Finding:
        """Return what is known, after a look at the evidence in `project_id` where that is due."""
        if self._setting:
            return Finding(self._setting, _SETTING)
        async with self._one_at_a_time:
            known = self._finding
            if known is not None and anyio.current_time() - self._found_at < RECHECK_SECONDS:
                return known
            seen = await self._look(project_id)
            return seen if seen.certain or known is None else known

    async def changed(self, project_id: str) -> bool:
        """Return whether the evidence now shows another vintage than was known; it is the known one from then on."""
        known = self.known
        if self._setting or known is None:
            return False
        seen = await self._look(project_id)
        return seen.certain and seen.vintage != known.vintage

    async def is_outdated(self, request: OrderRequest, project_id: str) -> bool:
        """Return whether the evidence, looked at now, tells another vintage than `request` was made for."""
        if self._setting:
            return False
        seen = await self._look(project_id)
        return seen.certain and seen.vintage != vintage_of(request)

    async def missing(self, request: OrderRequest, project_id: str) -> Missing:
        """Return what the 404 that answered `request` shows to be missing: this API's address, an id, or either.

        It is the address where it cannot have been an id: the project can be read, and either the request names no
        other id, or the review policy's addresses say so too. The other vintage is then known.
        """
        exists = await self.project_exists(project_id)
        if not exists:
            return "unclear" if exists is None else "id"
        asked = vintage_of(request)
        other: Vintage = "preview" if asked == "current" else "current"
        if not _names_an_id(request.body):
            self._remember(
                Finding(other, f"an order of the {asked} vintage met no such address in a project that exists")
            )
            return "address"
        seen = await self._look(project_id)
        if not seen.certain:
            return "unclear"
        return "address" if seen.vintage == other else "id"

    async def project_exists(self, project_id: str) -> bool | None:
        """Return whether the project can be read; None where that is unknown."""
        return {"present": True, "absent": False}.get(await self._probe(path("projects", project_id)))

    def _remember(self, finding: Finding) -> None:
        self._finding, self._found_at = finding, anyio.current_time()

    async def _look(self, project_id: str) -> Finding:
        """Ask both addresses of the review policy, side by side, and remember what that certainly shows."""
        found: dict[Vintage, Evidence] = {}

        async def ask(vintage: Vintage) -> None:
            found[vintage] = await self._probe(path("projects", project_id, DIALECTS[vintage].review_policy))

        async with anyio.create_task_group() as group:
            for vintage in DIALECTS:
                group.start_soon(ask, vintage)
        finding = _finding_of(found["preview"], found["current"])
        if finding.certain:
            self._remember(finding)
        return finding

    async def _probe(self, address: str) -> Evidence:
        """Return what a read of an address shows. A refusal for lack of a scope proves little: some APIs check scopes
        before they look whether there is such an address.
        """
        deadline = anyio.current_time() + DETECTION_SECONDS
        try:
            answer = await self._get(Request(method="GET", path=address, subject="project"), deadline=deadline)
        except ForbiddenScope:
            return "forbidden"
        except LayersError as error:
            return "absent" if error.status == HTTPStatus.NOT_FOUND else "unclear"
        if address.endswith(_POLICIES):
            self._policies.keep(answer)
        return "present"


def _finding_of(preview: Evidence, current: Evidence) -> Finding:
    """Return what the addresses of both vintages' review policies show together."""
    match preview, current:
        case "absent", "present" | "forbidden":
            return Finding("current", "content-review-policy answers, and approval-policy does not exist")
        case "present" | "forbidden", "absent":
            return Finding("preview", "approval-policy answers, and content-review-policy does not exist")
        case ("present", "present" | "forbidden") | ("forbidden", "present"):
            return Finding("preview", "both review policies answer, so the preview's orders are tried first")
        case _:
            reason = "neither review policy shows it, so the preview's orders are tried first"
            return Finding("preview", reason, certain=False)


def vintage_of(request: OrderRequest) -> Vintage:
    """Return the vintage whose address an order goes to: `/v1/projects/:id/content/:format` is the current one's."""
    return "current" if request.path.count("/") == _SLASHES_WITH_FORMAT else "preview"


_SLASHES_WITH_FORMAT = 5

_IDS = frozenset(
    {"sourcePlatformPostId", "projectLayerId", "influencerId", "socialAccountId", "mediaId", "tiktokVideoId"}
)


def _names_an_id(body: Mapping[str, Any]) -> bool:
    """Return whether a body names anything that may be unknown, beside the project in the path."""
    return not _IDS.isdisjoint(body) or not _IDS.isdisjoint(members(body.get("brief")))
