"""What can go wrong with a request to Layers, as exceptions that say what the caller can do.

    LayersError
    ├── InvalidArgument        an id or text that cannot be sent; never left
    ├── NotConfigured          no API key; never left
    ├── NotSupported           this API has no such thing; never left
    ├── Refused                an answer: the request was understood, and turned down
    │   ├── Unauthenticated    401 UNAUTHENTICATED
    │   ├── ForbiddenScope     403 FORBIDDEN_SCOPE
    │   ├── ValidationFailed   422 or 400 VALIDATION
    │   ├── NotFound           404 NOT_FOUND
    │   ├── Conflict           409 CONFLICT
    │   │   └── IdempotencyConflict   409 IDEMPOTENCY_CONFLICT
    │   ├── ApprovalRequired   403 APPROVAL_REQUIRED
    │   ├── ContentRejected    409 CONTENT_REJECTED
    │   ├── RateLimited        429 RATE_LIMITED          (retried)
    │   ├── KillSwitch         503 KILL_SWITCH           (not retried, in spite of the 503)
    │   ├── BillingExhausted   BILLING_EXHAUSTED, whatever its status
    │   └── PlatformError      PLATFORM_ERROR
    ├── ServerFault            500, 502, 503, 504 with an error envelope   (retried)
    ├── BadResponse            an answer that is neither what was asked for nor an error envelope
    ├── Unreachable            no connection; never left      (retried)
    └── Lost                   sent, and no whole answer came (retried where that is safe)
        └── TimedOut           the same, because time ran out

The client retries by itself; what leaves it has been retried as far as that is safe. `nothing_changed` speaks for the
whole call: it is False as soon as any attempt of a write may have taken effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

NO_DETAILS: Mapping[str, Any] = MappingProxyType({})

WAIT_AND_REPEAT = "Wait a minute, then call again."
TRY_LATER = "Try again in a few minutes."


class LayersError(Exception):
    """A request to Layers failed.

    `code` is upstream's (an open set) or ours; `status` the HTTP status of an answer; `reason` one sentence for
    people, free of control characters, untrusted text, sent values and the key; `details` upstream's, untouched;
    `retry_after` seconds; `retryable` whether the same request may succeed unchanged; `nothing_changed` whether the
    call certainly had no effect; `hint` the one next step; `scope` what the endpoint needs of a key ("" = nothing).
    """

    default_code: ClassVar[str] = "REFUSED"
    default_hint: ClassVar[str] = ""
    can_be_retried: ClassVar[bool] = False
    had_no_effect: ClassVar[bool] = True

    def __init__(
        self,
        reason: str,
        *,
        code: str = "",
        status: int | None = None,
        details: Mapping[str, Any] = NO_DETAILS,
        request_id: str = "",
        retry_after: float | None = None,
        retryable: bool | None = None,
        nothing_changed: bool | None = None,
        hint: str = "",
        scope: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code or self.default_code
        self.status = status
        self.details = details
        self.request_id = request_id
        self.retry_after = retry_after
        self.retryable = self.can_be_retried if retryable is None else retryable
        self.nothing_changed = self.had_no_effect if nothing_changed is None else nothing_changed
        self.hint = hint or self.default_hint
        self.scope = scope

    def replace(
        self, *, reason: str | None = None, hint: str | None = None, nothing_changed: bool | None = None
    ) -> Self:
        """Return the same failure in other words, or with another effect; several callers may hold this one."""
        return type(self)(
            self.reason if reason is None else reason,
            code=self.code,
            status=self.status,
            details=self.details,
            request_id=self.request_id,
            retry_after=self.retry_after,
            retryable=self.retryable,
            nothing_changed=self.nothing_changed if nothing_changed is None else nothing_changed,
            hint=self.hint if hint is None else hint,
            scope=self.scope,
        )

    def __str__(self) -> str:
        status = f" ({self.status})" if self.status else ""
        return f"{self.code}{status}: {self.reason}"


class InvalidArgument(LayersError):
    """An id or a text that cannot be put on the wire."""

    default_code = "INVALID_ARGUMENT"
    default_hint = "Pass the value exactly as an earlier result gave it."


class NotConfigured(LayersError):
    """There is no usable API key."""

    default_code = "NOT_CONFIGURED"
    default_hint = (
        "Set the environment variable LAYERS_API_KEY (or --api-key-file) and restart the server, "
        "or start it with --sandbox to try it without a key."
    )


class NotSupported(LayersError):
    """The vintage that this API speaks has no such thing; `hint` names what does the job instead."""

    default_code = "NOT_SUPPORTED"


class Refused(LayersError):
    """Layers answered, and turned the request down."""

    default_hint = "Change what the reason names; the same request is refused again."


class Unauthenticated(Refused):
    """The key is missing, malformed, wrong or revoked."""

    default_code = "UNAUTHENTICATED"
    default_hint = "Check LAYERS_API_KEY, and restart the server with a valid key."


class ForbiddenScope(Refused):
    """The key lacks the scope that the endpoint needs."""

    default_code = "FORBIDDEN_SCOPE"
    default_hint = "Use a key that has this scope."


class ValidationFailed(Refused):
    """Layers did not accept a parameter; `details["issues"]` says which."""

    default_code = "VALIDATION"
    default_hint = "Correct the named value, and call again."


class NotFound(Refused):
    """There is nothing with this id, or it is another organization's."""

    default_code = "NOT_FOUND"
    default_hint = "Check the id: take it from an earlier result."


class Conflict(Refused):
    """The present state does not allow this; `details` may hold `approvalStatus`, `subcode` or candidates."""

    default_code = "CONFLICT"
    default_hint = "Read the present state first: it does not allow this."


class IdempotencyConflict(Conflict):
    """The same idempotency key was used before with another body."""

    default_code = "IDEMPOTENCY_CONFLICT"
    default_hint = "Look at the project's content: an order under the same ids exists."


class ApprovalRequired(Refused):
    """The container waits for approval."""

    default_code = "APPROVAL_REQUIRED"
    default_hint = "A person must approve the container first."


class ContentRejected(Refused):
    """The container was rejected, for good."""

    default_code = "CONTENT_REJECTED"
    default_hint = "A rejection is final: order another one."


class RateLimited(Refused):
    """A rate limit is used up, or too many jobs run at once."""

    default_code = "RATE_LIMITED"
    default_hint = WAIT_AND_REPEAT
    can_be_retried = True


class KillSwitch(Refused):
    """The key or its organization is suspended."""

    default_code = "KILL_SWITCH"
    default_hint = "Ask Layers why the key or organization is suspended: trying again does not help."


class BillingExhausted(Refused):
    """The organization has no credits left."""

    default_code = "BILLING_EXHAUSTED"
    default_hint = "Top up credits in Layers, then call again."


class PlatformError(Refused):
    """The social or ads platform behind Layers refused; `details["platformCode"]` may say why."""

    default_code = "PLATFORM_ERROR"
    default_hint = TRY_LATER


class ServerFault(LayersError):
    """Layers failed while it handled the request."""

    default_code = "INTERNAL"
    default_hint = TRY_LATER
    can_be_retried = True
    had_no_effect = False


class BadResponse(LayersError):
    """The answer has another form than the API's."""

    default_code = "BAD_RESPONSE"
    default_hint = "Try again in a few minutes; if it lasts, check the base URL and any proxy on the way."
    had_no_effect = False


class Unreachable(LayersError):
    """No connection could be made; nothing left this machine."""

    default_code = "UNREACHABLE"
    default_hint = "Check the network, the proxy settings and the base URL."
    can_be_retried = True


class Lost(LayersError):
    """The request was sent, and its answer did not come back whole."""

    default_code = "UNREACHABLE"
    default_hint = TRY_LATER
    can_be_retried = True
    had_no_effect = False


class TimedOut(Lost):
    """The request was sent, and no answer came in time."""

    default_code = "TIMEOUT"
