"""The tenants file: what it says, whom it matches, and how it is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.tenancy.tenants_file import TenantEntry, TenantsFileError, first_match, read_tenants

KEY = "lp_test_acme_" + "k" * 20


def _read(tmp_path: Path, text: str, **environ: str) -> tuple[TenantEntry, ...]:
    file = tmp_path / "tenants.toml"
    file.write_text(text, encoding="utf-8")
    return read_tenants(file, environ)


def test_an_entry_says_whose_key_is_used_and_what_its_callers_may_do(tmp_path: Path) -> None:
    (tmp_path / "acme").write_text(f"{KEY}\n", encoding="utf-8")
    acme, bee = _read(
        tmp_path,
        """
        [[tenant]]
        match = { org = "acme" }
        api_key_file = "acme"
        organization = "org_1"
        read_only = true
        daily_credit_limit = 500

        [[tenant]]
        match = { org = "bee", level = 3 }
        api_key_env = "BEE"
        """,
        BEE=" lp_test_bee_1 ",
    )
    assert (acme.api_key, acme.organization, acme.read_only, acme.daily_credit_limit) == (KEY, "org_1", True, 500)
    assert (bee.api_key, bee.organization, bee.read_only, bee.daily_credit_limit) == ("lp_test_bee_1", "", False, None)
    assert KEY not in repr(acme)


@pytest.mark.parametrize(
    ("match", "claims", "fits"),
    [
        ({"org": "acme"}, {"org": "acme"}, True),
        ({"org": "acme"}, {"org": "ACME"}, False),
        ({"org": "acme"}, {"org": ["bee", "acme"]}, True),
        ({"org": "acme"}, {"org": {"acme": 1}}, False),
        ({"org": "acme"}, {}, False),
        ({"org": "acme", "team": "a"}, {"org": "acme"}, False),
        ({"org": "acme", "team": "a"}, {"org": "acme", "team": ["a"]}, True),
        ({"paid": True}, {"paid": True}, True),
        ({"paid": True}, {"paid": 1}, False),
        ({"level": 1}, {"level": True}, False),
        ({"level": 1}, {"level": 1.0}, True),
        ({"level": "1"}, {"level": 1}, False),
    ],
)
def test_every_claim_given_is_equal_or_in_the_list(match: dict[str, Any], claims: dict[str, Any], fits: bool) -> None:
    tenant = TenantEntry("lp_x", match=tuple(match.items()))
    assert tenant.matches(claims) is fits
    assert first_match([tenant], claims) is (tenant if fits else None)


def test_the_first_entry_that_fits_wins() -> None:
    narrow, wide = (
        TenantEntry("lp_1", match=(("org", "a"), ("team", "b"))),
        TenantEntry("lp_2", match=(("org", "a"),)),
    )
    assert first_match([narrow, wide], {"org": "a", "team": "b"}) is narrow
    assert first_match([narrow, wide], {"org": "a"}) is wide


GOOD = 'match = { org = "a" }\napi_key_env = "A"\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"no \[\[tenant\]\] entry"),
        ("tenant = []", r"no \[\[tenant\]\] entry"),
        ("tenant = [1]", "tenant 1 .*no table"),
        ("[[tenant]\n", "no valid TOML"),
        ("name = 1\n", 'unknown name, "name"'),
        (f"[[tenant]]\n{GOOD}[[tenant]]\n{GOOD}color = 1\n", 'tenant 2 .*unknown name "color"'),
        (f'[[tenant]]\n{GOOD}"b\\nad" = 1\n', "unknown name of other characters"),
        ('[[tenant]]\napi_key_env = "A"\n', "match must name"),
        ('[[tenant]]\nmatch = {}\napi_key_env = "A"\n', "match must name"),
        ('[[tenant]]\nmatch = { org = ["a"] }\napi_key_env = "A"\n', "values of match"),
        ('[[tenant]]\nmatch = { org = "a" }\n', "one of api_key_file, api_key_env"),
        (f'[[tenant]]\n{GOOD}api_key_file = "a"\n', "one of api_key_file, api_key_env"),
        ('[[tenant]]\nmatch = { org = "a" }\napi_key_file = "missing"\n', "cannot be read"),
        ('[[tenant]]\nmatch = { org = "a" }\napi_key_file = 3\n', "must be a path"),
        ('[[tenant]]\nmatch = { org = "a" }\napi_key_env = "UNSET"\n', "is not set"),
        ('[[tenant]]\nmatch = { org = "a" }\napi_key_env = "BLANK"\n', "is not set"),
        ('[[tenant]]\nmatch = { org = "a" }\napi_key_env = "SPACED"\n', "holds no API key"),
        ('[[tenant]]\nmatch = { org = "a" }\napi_key_env = "LONG"\n', "holds no API key"),
        (f'[[tenant]]\n{GOOD}api_key = "x"\n', "holds a key"),
        ('[[tenant]]\nmatch = { org = "a" }\napi_key_env = "lp_live_abc_secret"\n', "holds a key"),
        (f'[[tenant]]\n{GOOD}organization = "org 1"\n', "organization must"),
        (f"[[tenant]]\n{GOOD}organization = 1\n", "organization must"),
        (f'[[tenant]]\n{GOOD}read_only = "yes"\n', "read_only must"),
        (f"[[tenant]]\n{GOOD}daily_credit_limit = -1\n", "daily_credit_limit must"),
        (f"[[tenant]]\n{GOOD}daily_credit_limit = true\n", "daily_credit_limit must"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_without_its_values(tmp_path: Path, text: str, reason: str) -> None:
    environ = {"A": "lp_test_a_1", "BLANK": " ", "SPACED": "lp_x y", "LONG": "lp_" + "x" * 600}
    with pytest.raises(TenantsFileError, match=reason) as refused:
        _read(tmp_path, text, **environ)
    told = str(refused.value)
    assert "\n" not in told
    assert not any(value.strip() and value in told for value in (*environ.values(), "lp_live_abc_secret"))


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TenantsFileError, match="cannot be read: No such file"):
        read_tenants(tmp_path / "none.toml", {})
    (tmp_path / "tenants.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TenantsFileError, match="no text file"):
        read_tenants(tmp_path / "tenants.toml", {})


def test_a_changed_match_alone_makes_no_other_tenant(tmp_path: Path) -> None:
    before = _read(tmp_path, '[[tenant]]\nmatch = { org = "a" }\napi_key_env = "A"\n', A="lp_1")
    after = _read(tmp_path, '[[tenant]]\nmatch = { org = "b" }\napi_key_env = "A"\n', A="lp_1")
    rotated = _read(tmp_path, '[[tenant]]\nmatch = { org = "a" }\napi_key_env = "A"\n', A="lp_2")
    assert before == after != rotated


claims = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["org", "team", "level"]), claims))
def test_no_claims_at_all_make_a_match_fail(claims: dict[str, Any]) -> None:
    tenant = TenantEntry("lp_x", match=(("org", "acme"),))
    expected = claims.get("org") == "acme" or (isinstance(claims.get("org"), list) and "acme" in claims["org"])
    assert tenant.matches(claims) is expected
