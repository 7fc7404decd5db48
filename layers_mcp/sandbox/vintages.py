"""Where the vintages of the API differ in their words: modes, states, formats, ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

from layers_mcp.sandbox.ids import to_current
from layers_mcp.sandbox.simulation.parameters import FORMAT_CREDITS

Vintage = Literal["preview", "current", "both"]
"""What a sandbox speaks: the guide's API, today's, or either."""

VINTAGES: tuple[Vintage, ...] = get_args(Vintage)

CURRENT_FORMATS = ("slideshow_builder", "ugc_remix", "video_remix", "slideshow_remix")

DIRECT_MODES = {
    ("publish", "tiktok", True): "direct_publish",
    ("publish", "tiktok", False): "direct_publish",
    ("publish", "instagram", True): "reels",
    ("publish", "instagram", False): "feed",
    ("draft", "tiktok", True): "draft_to_device",
    ("draft", "tiktok", False): "draft_to_device",
    ("draft", "instagram", True): "draft_to_device",
    ("draft", "instagram", False): "draft_to_device",
}
"""Preview's word for a mode on a platform, for a video and for pictures."""


@dataclass(frozen=True)
class Dialect:
    """One vintage's words; `both` writes preview's and reads either's."""

    vintage: Vintage

    @property
    def reads_preview(self) -> bool:
        return self.vintage != "current"

    @property
    def reads_current(self) -> bool:
        return self.vintage != "preview"

    @property
    def writes_current(self) -> bool:
        return self.vintage == "current"

    def id(self, internal_id: str) -> str:
        """Return an id as this vintage writes it."""
        return to_current(internal_id) if self.writes_current else internal_id

    def translate(self, value: object, key: str = "id") -> object:
        """Return a JSON value with every id in it as this vintage writes it."""
        if not self.writes_current:
            return value
        if isinstance(value, dict):
            entries = cast("dict[str, object]", value)
            return {name: self.translate(item, name) for name, item in entries.items()}
        if isinstance(value, list):
            return [self.translate(item, key) for item in cast("list[object]", value)]
        if isinstance(value, str) and (key == "id" or key.endswith(("Id", "Ids"))):
            return to_current(value)
        return value

    def modes(self, platform: str, *, video: bool) -> dict[str, str]:
        """Return the modes a target may name on this platform, and what each does: publish, draft or managed."""
        words: dict[str, str] = {}
        if self.reads_preview:
            for mode in ("publish", "draft"):
                if word := DIRECT_MODES.get((mode, platform, video)):
                    words[word] = mode
        if self.reads_current:
            words |= {mode: mode for mode in ("publish", "draft", "managed")}
        return words

    def mode(self, mode: str, platform: str, *, video: bool) -> str:
        """Return the word for a mode."""
        return mode if self.writes_current else DIRECT_MODES.get((mode, platform, video), mode)

    def container_status(self, status: str) -> str:
        """Return the word for how far a container is."""
        return "processing" if status == "generating" and self.writes_current else status

    def container_statuses(self) -> dict[str, str]:
        """Return the words that a filter may use, and the status each one means."""
        words = {one: one for one in ("queued", "completed", "failed", "canceled")}
        if self.reads_preview:
            words["generating"] = "generating"
        if self.reads_current:
            words["processing"] = "generating"
        return words

    def format(self, name: str) -> str:
        """Return the word for a format."""
        return name.replace("_", "-") if self.writes_current else name

    def formats(self) -> dict[str, str]:
        """Return the words that a filter may use, and the format each one means."""
        words: dict[str, str] = {}
        if self.reads_preview:
            words |= {one: one for one in ("video_remix", "slideshow_remix", "ugc_remix", "auto")}
        if self.reads_current:
            words |= {one.replace("_", "-"): one for one in CURRENT_FORMATS}
        return words

    def gates(self, *, include_ineligible: bool | None) -> bool:
        """Return whether a ranking leaves ineligible creatives out: by default in current only, in both if asked to."""
        return self.reads_current and not (self.reads_preview if include_ineligible is None else include_ineligible)

    def prices(self) -> dict[str, int]:
        """Return what a piece of each format costs, in credits."""
        names: list[str] = []
        if self.reads_preview:
            names += ("video_remix", "slideshow_remix", "ugc_remix", "auto")
        if self.reads_current:
            names += CURRENT_FORMATS
        return {name: FORMAT_CREDITS[name] for name in dict.fromkeys(names)}

    def post_status(self, status: str) -> str:
        """Return the word for a scheduled post's status."""
        return "draft_in_inbox" if status == "draft" and not self.writes_current else status

    def post_statuses(self) -> dict[str, str]:
        """Return the words that a filter may use, and the status each one means."""
        words = {one: one for one in ("queued", "publishing", "published", "failed", "canceled")}
        if self.reads_preview:
            words["draft_in_inbox"] = "draft"
        if self.reads_current:
            words["draft"] = "draft"
        return words
