"""How a tool fails, and the text of the failure.

A failure is a result that a model reads to correct its call, so its text has a fixed order: what happened, whether
anything changed, the one next step, and the id under which upstream knows the request.
"""

from __future__ import annotations

NOTHING_CHANGED = "Nothing was changed."


def unknown_outcome(what: str) -> str:
    """Return the effect of a call whose answer never came; `what` completes "Unknown whether …"."""
    return f"Unknown whether {what}: calling again with the same arguments is safe."


class ToolError(Exception):
    """A failure with words for the caller; the only exception whose text leaves the process.

    `code` is stable and for programs, `status` the HTTP status where one was received, `reason` says what happened,
    `effect` whether anything changed, `next_step` what to do about it. Texts are sentences of our own: never a value
    the caller sent, never untrusted text.
    """

    def __init__(
        self,
        code: str,
        reason: str,
        *,
        status: int | None = None,
        effect: str = NOTHING_CHANGED,
        next_step: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.status = status
        self.effect = effect
        self.next_step = next_step
        self.request_id = request_id

    def __str__(self) -> str:
        what = f"{self.code} ({self.status}): {self.reason}" if self.status else f"{self.code}: {self.reason}"
        parts = [_sentence(what), self.effect, self.next_step]
        if self.request_id:
            parts.append(f"requestId: {self.request_id}")
        return " ".join(part for part in parts if part)


def invalid_argument(reason: str, next_step: str = "Correct this and call again.") -> ToolError:
    """Refuse an argument before anything was sent."""
    return ToolError("INVALID_ARGUMENT", reason, next_step=next_step)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
