"""What may be asked for, and what may go wrong meanwhile: strategies for sequences of orders and publications."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from hypothesis import strategies as st

from layers_mcp.sandbox import Fault
from tests.support import START

Trouble = tuple[str, tuple[int, ...]]
"""What goes wrong with a write, at which of its attempts (none = all)."""

WRITES = (
    "POST /v1/content/:id/clone-from-post",
    "POST /v1/projects/:id/content",
    "POST /v1/projects/:id/content/:format",
    "POST /v1/content/:id/publish",
    "POST /v1/content/:id/schedule",
)

clones = st.fixed_dictionaries(
    {"post": st.sampled_from([0, 1]), "variations": st.sampled_from([1, 2]), "take": st.sampled_from([1, 2])}
)
hooks = st.fixed_dictionaries(
    {
        "hook": st.sampled_from(["Café first.", "Plan less."]),
        "variations": st.sampled_from([1, 1, 2]),
        "take": st.sampled_from([1, 2]),
    },
    optional={"theme_tags": st.permutations(["speed", "focus"]).map(tuple), "titled": st.booleans()},
)
publications = st.fixed_dictionaries(
    {
        "content": st.sampled_from([0, 1]),
        "accounts": st.sampled_from([(0,), (0, 1), (1, 0)]),
        "at": st.sampled_from([None, START + timedelta(days=1), START + timedelta(days=60)]),
        "take": st.sampled_from([1, 2]),
    }
)
wanted = st.one_of(clones, hooks, publications)
spellings = st.sampled_from([str, " {}".format, "{}\n".format])
troubles = st.lists(
    st.tuples(
        st.sampled_from(["drop_before", "drop_after", "truncate", "html_502", "500", "503", "402", "429"]),
        st.sampled_from([(1,), (2,), (1, 2), ()]),
    ),
    max_size=2,
)
CALLERS = [("same", "same"), ("same", "second"), ("second", "same", "second"), ("same", "other key")]
lies = st.dictionaries(
    st.sampled_from(["auto", "video_remix", "slideshow_remix", "slideshow_builder"]),
    st.sampled_from([None, True, -120, "dear", {}, 1e30, 119.5, "120"]),
    min_size=3,
)
"""Price lists that cannot be read, in part or at all; what can be read of them is true."""


def faults(troubles: Iterable[Trouble]) -> list[Fault]:
    """What the sandbox does at every write; a number is the status of a refusal."""
    return [
        Fault(endpoint=where, kind="status", status=int(kind), calls=calls)
        if kind.isdigit()
        else Fault(endpoint=where, kind=kind, calls=calls)
        for kind, calls in troubles
        for where in WRITES
    ]
