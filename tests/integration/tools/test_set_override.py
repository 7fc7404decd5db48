"""set_override: what is sent, and what is said about it."""

import json

import pytest

from layers_mcp.api.errors import NotFound
from layers_mcp.tools.set_override import set_override
from tests.support.upstream import Upstream

PATH = "/v1/projects/prj_1/ads-content/adc_1"


@pytest.mark.parametrize(("override", "sent"), [("include", "include"), ("exclude", "exclude"), ("clear", None)])
async def test_the_override_is_sent_and_clear_is_an_explicit_null(tmp_path, override, sent):
    upstream = Upstream()
    row = {"adsContentId": "adc_1", "override": sent, "eligible": sent != "exclude", "organicScore": 6.5}
    upstream.replies[f"PATCH {PATH}"] = row
    async with upstream.open_tool_context(tmp_path) as context:
        result = await set_override(context, "prj_1", "adc_1", override)
    (request,) = upstream.asked(PATH)
    assert json.loads(request.content) == {"override": sent}
    assert result.override == (sent or "none")
    assert (result.ads_content_id, result.eligible, result.organic_score) == ("adc_1", sent != "exclude", 6.5)
    assert len(result.notes) == 1


@pytest.mark.parametrize(("override", "stands"), [("include", "include"), ("exclude", "exclude"), ("clear", "none")])
async def test_an_answer_that_does_not_repeat_the_override_confirms_it(tmp_path, override, stands):
    upstream = Upstream()
    upstream.replies[f"PATCH {PATH}"] = {"adsContentId": "adc_1"}
    async with upstream.open_tool_context(tmp_path) as context:
        assert (await set_override(context, "prj_1", "adc_1", override)).override == stands


async def test_a_note_is_sent_along(tmp_path):
    upstream = Upstream()
    upstream.replies[f"PATCH {PATH}"] = {"adsContentId": "adc_1", "override": "exclude"}
    async with upstream.open_tool_context(tmp_path) as context:
        await set_override(context, "prj_1", "adc_1", "exclude", note="The customer asked.")
    assert json.loads(upstream.asked(PATH)[0].content) == {"override": "exclude", "note": "The customer asked."}


async def test_exclude_says_that_running_ads_are_not_stopped(tmp_path):
    upstream = Upstream()
    upstream.replies[f"PATCH {PATH}"] = {"adsContentId": "adc_1", "override": "exclude", "eligible": False}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await set_override(context, "prj_1", "adc_1", "exclude")
    assert result.notes == [
        "Ads that already run with this creative are not stopped by this: that is done in the ads manager."
    ]
    assert result.eligible is False


@pytest.mark.parametrize(("override", "agreed"), [("include", True), ("exclude", False)])
async def test_eligible_agrees_with_the_override_and_a_note_says_when_it_counts(tmp_path, override, agreed):
    upstream = Upstream()
    upstream.replies[f"PATCH {PATH}"] = {"adsContentId": "adc_1", "override": override, "eligible": not agreed}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await set_override(context, "prj_1", "adc_1", override)
    assert result.eligible is agreed
    assert result.notes[-1].endswith("takes effect with the next scoring run, within 6 hours.")


async def test_an_unknown_creative_is_an_error_and_not_a_result(tmp_path):
    async with Upstream().open_tool_context(tmp_path) as context:
        with pytest.raises(NotFound):
            await set_override(context, "prj_1", "adc_1", "include")
