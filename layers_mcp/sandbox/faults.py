"""Faults on request: what goes wrong, at which endpoint, and on which calls."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from layers_mcp.sandbox.simulation.rng import generator

Kind = Literal["latency", "status", "drop_before", "drop_after", "truncate", "html_502", "job_failed", "login_expired"]


class Fault(BaseModel):
    """One way to fail.

    `endpoint` is a method and a path whose segments may be `:names` ("POST /v1/content/:id/clone-from-post"), or "*".
    With a `parameter`, only requests whose query has it are its business.
    It strikes on the calls counted in `calls` (from 1, of this fault's endpoint), else at `rate` (0-1), else always.
    Kinds: `latency` (the work is done, the answer comes `seconds` later, 1 unless told), `status` (an error answer
    instead of the work, 500 unless told; `code` is its code, `seconds` its Retry-After), `drop_before` and `drop_after`
    (the connection
    goes before the work, or after it), `truncate` (the work is done, the answer cut short), `html_502` (a proxy's page
    instead of the work), `job_failed` (the order is taken, its job fails), `login_expired` (what is published or
    scheduled then fails when it is to go out, and its account must be connected again; `account` is an account's id,
    handle or platform, all of them unless told).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    endpoint: str = Field(default="*", pattern=r"^(\*|[A-Z]+ /\S*)$")
    kind: Kind
    status: int | None = Field(default=None, ge=400, le=599)
    seconds: float | None = Field(default=None, ge=0)
    rate: float | None = Field(default=None, ge=0, le=1)
    calls: tuple[Annotated[int, Field(ge=1)], ...] = ()
    account: str | None = None
    code: str | None = Field(default=None, pattern=r"^[A-Z][A-Z_]*$")
    parameter: str | None = None

    def concerns(self, method: str, segments: Sequence[str], parameters: Set[str] = frozenset()) -> bool:
        """Return whether a request is this fault's business."""
        if self.parameter is not None and self.parameter not in parameters:
            return False
        if self.endpoint == "*":
            return True
        wanted_method, _, path = self.endpoint.partition(" ")
        wanted = path.split("/")
        return (
            wanted_method == method
            and len(wanted) == len(segments)
            and all(want.startswith(":") or want == got for want, got in zip(wanted, segments, strict=True))
        )


def load_faults(path: Path) -> list[Fault]:
    """From a `--faults` file: a JSON list. Raises `ValueError` that names what is wrong with it."""
    try:
        return TypeAdapter(list[Fault]).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{where}: {first['msg']}") from None


@dataclass
class _Tally:
    fault: Fault
    chance: Random
    calls: int = 0


@dataclass
class FaultPlan:
    """The faults of one sandbox, and how often each was met. `faults` may change at any time."""

    faults: list[Fault]
    seed: int
    _tallies: dict[int, _Tally] = field(default_factory=dict[int, _Tally])

    def faults_for(
        self, method: str, segments: Sequence[str], parameters: Set[str] = frozenset()
    ) -> dict[Kind, list[Fault]]:
        """Return what goes wrong with this request."""
        found: dict[Kind, list[Fault]] = {}
        for fault in self.faults:
            if not fault.concerns(method, segments, parameters):
                continue
            tally = self._tallies.get(id(fault))
            if tally is None:
                chance = generator(self.seed, "fault", len(self._tallies))
                tally = self._tallies[id(fault)] = _Tally(fault, chance)
            tally.calls += 1
            if fault.calls:
                strikes = tally.calls in fault.calls
            else:
                strikes = fault.rate is None or tally.chance.random() < fault.rate
            if strikes:
                found.setdefault(fault.kind, []).append(fault)
        return found
