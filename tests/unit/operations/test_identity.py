"""When two orders are the same order."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.operations import CloneOrder, HookOrder
from layers_mcp.operations import identity as ids
from tests.support.upstream import Upstream, client

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
words = st.lists(texts, max_size=5)
blanks = st.text(" \t\n\u00a0", max_size=3)


async def body_of(order):
    async with client(Upstream({}), vintage="preview") as layers:
        [request] = (await order.plan(layers, "3f2a", order.variations)).requests
    return request.body


@given(hook=texts, cta=texts, tags=words, before=blanks, after=blanks, data=st.data())
def test_the_same_meaning_in_another_spelling_is_the_same_order(hook, cta, tags, before, after, data) -> None:
    shuffled = data.draw(st.permutations([*tags, *tags[:2], "", " "]))
    one = HookOrder(project_id="prj_1", hook=hook, cta=cta, theme_tags=tuple(tags))
    other = HookOrder(
        project_id=" prj_1\n",
        hook=before + unicodedata.normalize("NFD", hook) + after,
        cta=cta + after,
        theme_tags=tuple(unicodedata.normalize("NFD", tag) for tag in shuffled),
    )
    assert one.identity == other.identity


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "variations": st.integers(2, 5),
            "hook": st.just("another"),
            "cta": st.just("Buy"),
            "format": st.sampled_from(["video_remix", "ugc_remix"]),
            "target_platforms": st.just(("tiktok",)),
            "theme_tags": st.just(("speed",)),
            "layer_id": st.just("lay_1"),
            "take": st.integers(2, 99),
            "project_id": st.just("prj_2"),
        },
    )
)
def test_another_argument_is_another_order(changes) -> None:
    plain = {"project_id": "prj_1", "hook": "Get things done."}
    assert (HookOrder(**{**plain, **changes}).identity == HookOrder(**plain).identity) is not bool(changes)


def test_a_clone_and_a_generate_are_never_the_same_order() -> None:
    clone = CloneOrder(project_id="prj_1", source_platform_post_id="pp_1")
    assert clone.identity != HookOrder(project_id="prj_1", hook="pp_1").identity
    assert clone.identity != CloneOrder(project_id="prj_1", source_platform_post_id="pp_1", mode="reimagine").identity


def test_ids_of_orders_placed_by_earlier_versions_stay_what_they_were() -> None:
    clone = CloneOrder(project_id="prj_1", source_platform_post_id="pp_1", variations=3, mode="reimagine")
    hook = HookOrder(project_id="prj_1", hook="Schöner", theme_tags=("b", "a"), take=2)
    assert clone.identity == "de4d629e31464941c5fdcd9f63a336c0136a61b57a52e7776b1a1fe3abbfd661"
    assert ids.clone_container_id("https://api.layers.com", clone.identity) == "62ed2867-43f0-5db5-a4bb-4a883bfe0e65"
    assert hook.identity == "ce03804df4894724ff5a881dd01835d23b86d120a857e66d7af02eec8f6f0f44"
    assert ids.idempotency_key("https://api.layers.com", hook.identity) == "745bb04e-d2ff-5d9e-9143-254215da31b1"
    assert ids.commission_id(hook.identity) == "com_ce03804df4894724ff5a881d"


@pytest.mark.parametrize("hook_is_title", [False, True])
def test_the_id_of_an_order_by_a_title_is_the_one_of_its_text_as_in_earlier_versions(hook_is_title: bool) -> None:
    order = HookOrder(
        project_id="prj_1",
        hook=" A title that is cafe\u0301\n",
        source_platform_post_id="pp_1",
        format="video_remix",
        variations=2,
        theme_tags=("b", "a"),
        hook_is_title=hook_is_title,
    )
    assert order.identity == "d4b02f16bb7acbac40fae1b003e4dc97dbd94b6d2fc8b524e019582a8db746cc"


def test_an_optional_argument_that_a_later_version_adds_leaves_older_orders_alone() -> None:
    older = {"project_id": "prj_1", "variations": 1}
    assert ids.identity("clone_post", older, 1) == ids.identity("clone_post", {**older, "music": "", "tags": []}, 1)


def test_derived_ids_do_not_depend_on_how_the_base_url_is_written() -> None:
    order = CloneOrder(project_id="prj_1", source_platform_post_id="pp_1").identity
    one, other = (ids.clone_container_id(url, order) for url in ("https://API.layers.com/", "https://api.layers.com"))
    assert one == other
    assert one != ids.clone_container_id("https://staging.layers.com", order)
    assert one != ids.idempotency_key("https://api.layers.com", order)


async def test_the_body_carries_the_canonical_text_and_keeps_the_order_of_lists() -> None:
    order = HookOrder(
        project_id="prj_1", hook="  Cafe\u0301 first ", target_platforms=("tiktok", " instagram", "tiktok", "")
    )
    assert await body_of(order) == {
        "format": "auto",
        "variantCount": 1,
        "brief": {"hook": "Caf\u00e9 first", "targetPlatforms": ["tiktok", "instagram"]},
    }


async def test_a_clone_body_holds_only_the_overrides_that_were_given() -> None:
    plain = CloneOrder(project_id="prj_1", source_platform_post_id="pp_1", mode="reimagine", variations=3)
    assert await body_of(plain) == {
        "projectId": "prj_1",
        "sourcePlatformPostId": "pp_1",
        "mode": "reimagine",
        "variations": 3,
    }
    full = CloneOrder(
        project_id="prj_1",
        source_platform_post_id="pp_1",
        caption="New",
        voice_over_script="Say it",
        cta="Go",
        layer_id="lay_1",
    )
    body = await body_of(full)
    assert body["overrides"] == {"caption": "New", "cta": "Go", "voiceOverScript": "Say it"}
    assert body["projectLayerId"] == "lay_1"


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(ValueError, match="Unicode"):
        HookOrder(project_id="prj_1", hook="half a pair \ud83d")
    with pytest.raises(ValueError, match="Unicode"):
        HookOrder(project_id="prj_1", hook="fine", theme_tags=("\ud83d",))


@pytest.mark.parametrize(
    ("spelling", "normal"),
    [
        ("https://api.layers.com", "https://api.layers.com"),
        ("https://API.Layers.com:443/", "https://api.layers.com"),
        ("https://api.layers.com./", "https://api.layers.com"),
        ("https://api.layers.com.:443", "https://api.layers.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:8787/", "http://localhost:8787"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("https://api.layers.com:80", "https://api.layers.com:80"),
        ("https://proxy.example:443/layers/", "https://proxy.example/layers"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://[::1]", "http://[::1]"),
    ],
)
def test_every_spelling_of_a_base_url_has_one_normal_form(spelling: str, normal: str) -> None:
    assert ids.normal_base_url(spelling) == normal
    assert ids.normal_base_url(normal) == normal
    assert ids.idempotency_key(spelling, "order") == ids.idempotency_key(normal, "order")
