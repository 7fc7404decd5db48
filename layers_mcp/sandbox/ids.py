"""Ids in the form of each vintage: a prefix and a ULID in preview, a prefix and a UUID (or a bare one) in current.

Both write the same 128 bits, so that one world answers to either and nothing has to be looked up.
"""

from __future__ import annotations

import uuid

from layers_mcp.sandbox.simulation.rng import ULID_DIGITS, base32
from layers_mcp.sandbox.simulation.seed_data import FIXED_IDS

PREFIXES = ("prj", "cnt", "inf", "sp", "sa", "rec", "adc")
"""Of the ids that current writes with a UUID; an organization keeps its own, so that it is the same one in either."""

BARE = "adc"
"""Of the one that it writes without a prefix."""


def to_uuid(internal_id: str) -> str:
    """Return the UUID behind an id: a ULID's bits, or a hash where the id is no ULID (the guide's project)."""
    _, _, text = internal_id.partition("_")
    if len(text) == 26 and set(text) <= set(ULID_DIGITS) and text[0] < "8":
        number = 0
        for digit in text:
            number = number * 32 + ULID_DIGITS.index(digit)
        return str(uuid.UUID(int=number))
    return str(uuid.uuid5(uuid.NAMESPACE_OID, internal_id))


def to_current(internal_id: str) -> str:
    """Return an id as the current vintage writes it; one of another kind as it is."""
    prefix, _, _ = internal_id.partition("_")
    if prefix not in PREFIXES:
        return internal_id
    return to_uuid(internal_id) if prefix == BARE else f"{prefix}_{to_uuid(internal_id)}"


def to_internal(prefix: str, text: str) -> str:
    """Return the internal form of an id of this kind, however a client writes it."""
    bare = text.removeprefix(f"{prefix}_")
    if len(bare) != 36:
        return text
    try:
        number = uuid.UUID(bare).int
    except ValueError:
        return text
    fixed = next((one for one in FIXED_IDS if one.startswith(f"{prefix}_") and to_uuid(one) == bare.lower()), None)
    return fixed or f"{prefix}_{base32(number, 26)}"
