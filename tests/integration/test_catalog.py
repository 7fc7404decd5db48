"""The rules that hold for every tool, walked over the catalog; the committed files are what the functions say."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rs_bpe.bpe import openai

from layers_mcp.protocol.schema import describe
from layers_mcp.protocol.tool import DESTRUCTIVE, IDEMPOTENT, READ, WRITE, mark_of
from layers_mcp.tools import CATALOG, DEFINITIONS, function_of, load_catalog

MOST_TOKENS, MOST_TOKENS_OF_ONE = 5_400, 600

DEFINED: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in json.loads(DEFINITIONS.read_text("utf-8"))}

EVERY_TOOL = pytest.mark.parametrize("name", CATALOG)

KINDS = {
    "list_projects": READ,
    "check_readiness": READ,
    "get_metrics": READ,
    "get_ads_metrics": READ,
    "rank_top_performers": READ,
    "find_breakouts": READ,
    "clone_post": WRITE,
    "generate_with_hook": WRITE,
    "set_override": IDEMPOTENT,
    "list_ads_content": READ,
    "wait_job": READ,
    "cancel_job": DESTRUCTIVE,
    "get_content": READ,
    "decide_content": DESTRUCTIVE,
    "review_commissions": READ,
}

PARAMETERS: dict[str, dict[str, Any]] = {
    "list_projects": {"search": "", "include_archived": False, "limit": 20, "cursor": ""},
    "check_readiness": {"project_id": ...},
    "get_metrics": {
        "project_id": ...,
        "scope": "project",
        "id": "",
        "metrics": ["views", "engagement_rate", "watch_time_ms"],
        "since": "30d",
        "until": "",
        "granularity": "day",
    },
    "get_ads_metrics": {
        "project_id": ...,
        "scope": "project",
        "id": "",
        "metrics": ["spend", "conversions", "cpa", "roas"],
        "platforms": [],
        "since": "7d",
        "until": "",
        "granularity": "day",
    },
    "rank_top_performers": {
        "project_id": ...,
        "metric": ...,
        "window": "30d",
        "source_types": [],
        "platforms": [],
        "limit": 5,
        "order": "best",
        "include_ineligible": True,
    },
    "find_breakouts": {"project_ids": [], "window": "30d", "cursor": ""},
    "clone_post": {
        "project_id": ...,
        "source_platform_post_id": ...,
        "mode": "fork",
        "variations": 1,
        "caption": "",
        "cta": "",
        "voice_over_script": "",
        "layer_id": "",
        "take": 1,
        "max_credits": 0,
        "dry_run": False,
    },
    "generate_with_hook": {
        "project_id": ...,
        "hook": ...,
        "format": "auto",
        "variations": 1,
        "cta": "",
        "target_platforms": [],
        "theme_tags": [],
        "layer_id": "",
        "take": 1,
        "max_credits": 0,
        "dry_run": False,
    },
    "set_override": {"project_id": ..., "ads_content_id": ..., "override": ..., "note": ""},
    "list_ads_content": {
        "project_id": ...,
        "scoring_pool": [],
        "min_score": 0,
        "override": "any",
        "eligible_only": False,
        "limit": 25,
        "cursor": "",
    },
    "wait_job": {"job_ids": ..., "timeout_seconds": 20},
    "cancel_job": {"job_id": ...},
    "get_content": {
        "container_ids": [],
        "project_id": "",
        "awaiting_approval": False,
        "since": "",
        "limit": 10,
        "cursor": "",
    },
    "decide_content": {"container_id": ..., "decision": ..., "note": ""},
    "review_commissions": {"project_id": "", "since": "90d", "limit": 20},
}
"""The contract's parameters in its order, with their defaults; `...` is required."""

COMMISSION = (
    "commission_id status job_id container_ids kind replayed ordered_at take next_take similar_orders "
    "held_for_approval estimated_credits credits_available notes next_step"
)

FIELDS = {
    "list_projects": "organization credits projects next_cursor notes",
    "check_readiness": "project_id ready checks accounts suggested_metric notes",
    "get_metrics": "scope id window series totals as_of notes",
    "get_ads_metrics": "scope id window series totals as_of notes",
    "rank_top_performers": "metric window items median_engagement_rate rows_considered as_of notes next_step",
    "find_breakouts": "window breakouts quiet next_cursor as_of notes next_step",
    "clone_post": COMMISSION,
    "generate_with_hook": COMMISSION,
    "set_override": "ads_content_id override eligible organic_score notes",
    "list_ads_content": "items overrides next_cursor notes",
    "wait_job": "jobs all_done timed_out waited_seconds notes next_step",
    "cancel_job": "job_id accepted reason next_step",
    "get_content": "items next_cursor notes next_step",
    "decide_content": "container_id approval_status notes",
    "review_commissions": "commissions by_mode notes",
}

ROWS = {
    ("list_projects", "projects"): "project_id name status timezone",
    ("check_readiness", "checks"): "name status detail fix",
    ("check_readiness", "accounts"): "social_account_id platform handle status connected_at",
    ("rank_top_performers", "items"): (
        "rank title title_cut source_type platform_post_id source_id ads_content_id metric_value display views "
        "engagement_rate watch_time_ms watch_seconds_per_view platforms promoted paid engagement_times_median breakout "
        "breakout_evidence chance_real expected_rate expected_times_usual expected_roas roas_low roas_high low_sample"
    ),
    ("find_breakouts", "breakouts"): (
        "project_id project_name platform_post_id title title_cut views engagement_rate engagement_times_median "
        "breakout_evidence chance_real expected_rate expected_times_usual platforms ads_content_id already_ordered"
    ),
    ("find_breakouts", "quiet"): "project_id project_name reason detail",
    ("clone_post", "similar_orders"): "commission_id ordered_at status differs_in",
    ("list_ads_content", "items"): (
        "ads_content_id title organic_score scoring_pool eligible override active_promotions source_type source_id"
    ),
    ("wait_job", "jobs"): "job_id kind status stage progress container_ids assets error",
    ("get_content", "items"): (
        "container_id project_id status approval_status format hook caption cta assets created_at commission_id error"
    ),
    ("review_commissions", "commissions"): (
        "commission_id project_id tool mode ordered_at job_id estimated_credits source_platform_post_id hook "
        "variations take status container_ids approval_status metric_value source_value versus_source versus_median "
        "low_sample"
    ),
    ("review_commissions", "by_mode"): "mode commissions live beat_source beat_median median_versus_source",
}


def test_the_committed_definitions_are_what_the_functions_say() -> None:
    assert list(DEFINED) == list(CATALOG)
    for name in CATALOG:
        assert DEFINED[name] == describe(function_of(name)), "run: python docs/generate.py"


def test_all_definitions_together_fit_a_models_context() -> None:
    assert len(CATALOG) == 15
    spent = {name: _tokens(name) for name in CATALOG}
    assert sum(spent.values()) <= MOST_TOKENS, spent
    assert max(spent.values()) <= MOST_TOKENS_OF_ONE, spent


def _tokens(name: str) -> int:
    """Counted with blanks between the parts, as the wordiest of hosts writes JSON; compact it is a fifth less."""
    shown = {key: DEFINED[name][key] for key in ("name", "description", "inputSchema")}
    return openai.o200k_base().count(json.dumps(shown))


@EVERY_TOOL
def test_parameters_are_the_contracts_with_its_defaults(name: str) -> None:
    schema = DEFINED[name]["inputSchema"]
    required = schema.get("required", [])
    shown = {key: ... if key in required else rule["default"] for key, rule in schema["properties"].items()}
    assert shown == PARAMETERS[name]
    assert list(shown) == list(PARAMETERS[name])


@EVERY_TOOL
def test_results_have_the_contracts_fields(name: str) -> None:
    shown = DEFINED[name]["outputSchema"]["properties"]
    assert set(FIELDS[name].split()) <= set(shown)
    for (tool, rows), fields in ROWS.items():
        if tool == name:
            assert set(fields.split()) <= set(shown[rows]["items"]["properties"]), rows


@EVERY_TOOL
def test_hints_tell_reads_from_writes(name: str) -> None:
    assert mark_of(function_of(name)).kind == KINDS[name]
    assert DEFINED[name]["annotations"] == KINDS[name].annotations
    assert DEFINED[name]["title"].strip()


def test_read_only_leaves_out_every_tool_that_writes() -> None:
    offered = {tool.name for tool in load_catalog(read_only=True)}
    assert offered == {name for name, kind in KINDS.items() if kind.read_only}


def _nodes(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside a schema; the names of properties are no keywords."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for name, rule in schema.get("properties", {}).items():
        yield from _nodes(rule, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        yield from _nodes(schema.get(keyword), f"{path}[{keyword}]")


UNWANTED = {"anyOf", "oneOf", "allOf", "not", "if", "$ref", "$defs", "definitions", "$schema", "title", "prefixItems"}


@EVERY_TOOL
@pytest.mark.parametrize("which", ["inputSchema", "outputSchema"])
def test_schemas_are_flat_and_hold_nothing_that_broke_a_host(name: str, which: str) -> None:
    for path, node in _nodes(DEFINED[name][which]):
        assert not UNWANTED & node.keys(), path
        assert isinstance(node["type"], str), path
        assert "" not in node.get("enum", ()), path
        if which == "inputSchema":
            assert "additionalProperties" not in node, path
        elif "properties" in node:
            assert node["additionalProperties"] is False, path


@EVERY_TOOL
def test_every_parameter_is_described_and_optional_ones_have_a_plain_default(name: str) -> None:
    schema = DEFINED[name]["inputSchema"]
    for parameter, rule in schema["properties"].items():
        assert rule["description"].strip(), parameter
        assert parameter in schema.get("required", []) or rule["default"] is not None, parameter


@EVERY_TOOL
def test_result_fields_are_snake_case(name: str) -> None:
    for path, node in _nodes(DEFINED[name]["outputSchema"]):
        for field in node.get("properties", {}):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", field), f"{path}.{field}"


def _names_in(text: str) -> set[str]:
    return set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text))


@EVERY_TOOL
def test_a_description_has_a_readable_length(name: str) -> None:
    assert 50 <= len(DEFINED[name]["description"].split()) <= 120


@EVERY_TOOL
def test_a_description_begins_with_a_verb_and_what_it_acts_on(name: str) -> None:
    first = DEFINED[name]["description"].split()[0]
    assert re.fullmatch(r"[A-Z][a-z]+", first)
    assert not first.endswith("s"), "the imperative: Rank, not Ranks"


@EVERY_TOOL
def test_a_description_says_when_not_to_use_the_tool_and_which_one_instead(name: str) -> None:
    assert _names_in(DEFINED[name]["description"]) & (set(CATALOG) - {name})


ORDERS = re.compile(
    r"\b(always|must|you should|make sure|be sure|do not|don't|ensure|important|remember to)\b", re.IGNORECASE
)
SHOUTS = re.compile(r"\b(?!ROAS|HTTP|JSON)[A-Z]{4,}\b")


@EVERY_TOOL
def test_a_description_advises_and_never_orders(name: str) -> None:
    for text in (DEFINED[name]["description"], *_described(DEFINED[name]["inputSchema"])):
        assert not ORDERS.search(text)
        assert not SHOUTS.search(text)


def _described(schema: dict[str, Any]) -> Iterator[str]:
    for rule in schema["properties"].values():
        yield rule["description"]


@EVERY_TOOL
def test_a_writing_tool_tells_what_it_costs_and_whether_it_can_be_undone(name: str) -> None:
    text = DEFINED[name]["description"].casefold()
    if not KINDS[name].read_only:
        assert re.search(r"\b(credits?|costs?|charged?|spends?|free)\b", text)
        assert re.search(
            r"\b(undone|undo|undoes|final|reverse|reversed|cancel_job|clear|one-way|taken back|resumed)\b", text
        )


def test_texts_name_only_tools_that_exist() -> None:
    tool_like = re.compile(r"\b(?:list|check|get|rank|find|clone|generate|set|wait|cancel|decide|review)_[a-z_]+\b")
    known = set(CATALOG) | {"review_all", "review_first_n", "review_policy"}
    for entry in DEFINED.values():
        for text in (entry["description"], *_described(entry["inputSchema"])):
            assert set(tool_like.findall(text)) <= known, text
