"""The current vintage: one address a format, one piece a request, no brief, no clone of any post but a TikTok video."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from layers_mcp.api.dialects.base import Capabilities, CloneBrief, HookBrief, Speakers, Vintage
from layers_mcp.api.errors import ForbiddenScope, InvalidArgument, NotSupported
from layers_mcp.api.plans import OrderPlan, OrderRequest
from layers_mcp.api.request import path
from layers_mcp.text.ids import is_id

_FORMATS = {"auto": "slideshow-builder", "slideshow_remix": "slideshow-builder", "ugc_remix": "ugc-remix"}
"""Where new content with a given hook is ordered. A video remix takes no hook."""

_MOST_NAMED = 10


class Current:
    """Orders by format."""

    vintage: Vintage = "current"
    review_policy = "content-review-policy"
    capabilities = Capabilities(clones_posts=False, paid_series=False)

    async def plan_clone(self, brief: CloneBrief, speakers: Speakers) -> OrderPlan:
        """Return a remix of a TikTok video, for each variation one. Raises NotSupported for any other post."""
        if not (brief.source_platform_post_id.isascii() and brief.source_platform_post_id.isdigit()):
            raise NotSupported(
                "This API clones no post; it remixes a TikTok video by the video's own id (digits).",
                hint="Keep the post's hook instead: generate_with_hook with this project_id and "
                "source_platform_post_id.",
            )
        words = {"caption": brief.caption, "cta": brief.cta, "voice_over_script": brief.voice_over_script}
        _refuse({**words, "layer_id": brief.layer_id}, "This API remixes a TikTok video without")
        speaker = await _speaker(brief, speakers)
        body = {"tiktokVideoId": brief.source_platform_post_id, **speaker}
        note = "A remix of a TikTok video has no mode here: fork and reimagine are the same."
        notes = (note,) if brief.mode == "reimagine" else ()
        return _plan(brief, "video-remix", body, notes=(*notes, *_who_speaks(brief, speaker)))

    async def plan_hook(self, brief: HookBrief, speakers: Speakers) -> OrderPlan:
        """Return a slideshow, or a video in which someone speaks, for each variation one request."""
        if brief.format not in _FORMATS:
            raise NotSupported(
                f"This API puts no given hook on a {brief.format}.",
                hint='Use format="ugc_remix" for a video or format="auto" for a slideshow; clone_post remixes a TikTok '
                "video by its own id.",
            )
        lists = {"target_platforms": brief.target_platforms, "theme_tags": brief.theme_tags}
        _refuse({"cta": brief.cta, **lists, "layer_id": brief.layer_id}, "This API makes content on a hook without")
        segment = _FORMATS[brief.format]
        notes = ("Format auto is a slideshow here; ugc_remix makes a video.",) if brief.format == "auto" else ()
        if segment == "ugc-remix":
            speaker = await _speaker(brief, speakers)
            notes = _who_speaks(brief, speaker)
        else:
            speaker = _chosen(brief)
        return _plan(brief, segment, {"hook": brief.hook, **speaker}, notes=notes)

    def publish_mode(self, mode: Literal["publish", "draft"], platform: str, *, video: bool) -> str:
        """Return one word for every platform."""
        return mode

    def post_status(self, status: str) -> str:
        """Return the words unchanged: they are the same here."""
        return status


def _plan(
    brief: CloneBrief | HookBrief, segment: str, body: Mapping[str, str], notes: tuple[str, ...] = ()
) -> OrderPlan:
    where = path("projects", brief.project_id, "content", segment)
    request = OrderRequest(path=where, body=body, price_keys=(segment.replace("-", "_"),))
    return OrderPlan(requests=(request,) * brief.variations, notes=notes)


def _refuse(parts: Mapping[str, object], reason: str) -> None:
    names = [name for name, value in parts.items() if value]
    if names:
        listed = ", ".join(names)
        raise NotSupported(f"{reason} {listed}.", hint=f"Leave out {listed}.")


def _chosen(brief: CloneBrief | HookBrief) -> dict[str, str]:
    chosen = {"socialAccountId": brief.social_account_id, "influencerId": brief.influencer_id}
    return {name: value for name, value in chosen.items() if value}


def _who_speaks(brief: CloneBrief | HookBrief, speaker: Mapping[str, str]) -> tuple[str, ...]:
    """Return a note on who was chosen where nobody was named."""
    influencer = speaker.get("influencerId", "")
    if _chosen(brief) or not is_id(influencer):
        return ()
    return (f"The one influencer that is ready speaks: {influencer}.",)


async def _speaker(brief: CloneBrief | HookBrief, speakers: Speakers) -> dict[str, str]:
    """Return who speaks: the chosen one, else the one influencer that is ready. Raises InvalidArgument."""
    chosen = _chosen(brief)
    if len(chosen) == 1:
        return chosen
    if chosen:
        raise InvalidArgument(
            "Both influencer_id and social_account_id are given, and one of them speaks.", hint="Leave one of them out."
        )
    try:
        ready = await speakers()
    except ForbiddenScope as error:
        hint = "Pass influencer_id, or social_account_id of an account with an influencer, or add the scope."
        raise error.replace(hint=hint) from None
    if len(ready) == 1:
        return {"influencerId": ready[0]}
    if not ready:
        raise InvalidArgument(
            "Someone has to speak, and no influencer of the project is ready.",
            hint="Pass social_account_id of an account with an influencer, or order a slideshow, which needs nobody.",
        )
    named = ", ".join([one for one in ready if is_id(one)][:_MOST_NAMED])
    raise InvalidArgument(
        f"Someone has to speak, and several influencers are ready: {named}.",
        hint="Pass one of them as influencer_id.",
    )
