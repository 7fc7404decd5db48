"""What a tenant's calls may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from layers_mcp.config import ConfigError, Options, parse_switch

Confirm = Literal["auto", "required", "off"]
CONFIRM: tuple[Confirm, ...] = get_args(Confirm)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """`read_only`: nothing that writes; `daily_credit_limit`: credits that may be ordered in a UTC day.

    `confirm`: whether a person is asked before money and publication: where the client can ask (`auto`), always
    (`required`: refused where it cannot), never (`off`).
    """

    read_only: bool = False
    daily_credit_limit: int | None = None
    confirm: Confirm = "auto"

    @classmethod
    def load(cls, options: Options) -> Policy:
        """Read the policy of a program's one tenant."""
        return cls(
            read_only=options.read("read_only", parse_switch, default=False),
            daily_credit_limit=options.read("daily_credit_limit", _parse_credits, None),
            confirm=options.read("confirm", _parse_confirm, "auto"),
        )


DEFAULT_POLICY = Policy()


def _parse_confirm(text: str, source: str) -> Confirm:
    for choice in CONFIRM:
        if text.lower() == choice:
            return choice
    raise ConfigError(f"{source} must be one of {', '.join(CONFIRM)}")


def _parse_credits(text: str, source: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"{source} must be a whole number of credits, 0 or more")
    return int(text)
