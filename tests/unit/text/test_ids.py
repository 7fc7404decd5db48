"""Ids in their several spellings."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.text.ids import container_endings, container_key, same_id


@given(st.uuids())
def test_a_container_has_one_key_whether_its_bits_are_written_as_a_uuid_or_a_ulid(uuid: UUID) -> None:
    key, ulid = container_endings(str(uuid))
    assert len(ulid) == 26
    assert {container_key(spelling) for spelling in (key, f"cnt_{key}", ulid, f"cnt_{ulid}")} == {str(uuid)}


@pytest.mark.parametrize("text", ["1", "cnt_1", "01HXD2G4H6J8K0L2Z4X6C8V0B2", "8" + "0" * 25, "", "cnt_", "Z" * 26])
def test_an_id_of_any_other_form_is_its_own_key(text: str) -> None:
    key = container_key(text)
    assert key == text.removeprefix("cnt_")
    assert container_endings(key) == (key,)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("prj_1", "1", True),
        ("prj_1", "PRJ_1", True),
        ("prj_1", "prj_2", False),
        ("prj_01HX9Y7K8M2P4RSTUV56789AB", "prj_ececfe47-ba1e-5b98-9fc9-8314e281aa67", True),
        ("prj_ececfe47-ba1e-5b98-9fc9-8314e281aa67", "ececfe47-ba1e-5b98-9fc9-8314e281aa67", True),
        ("prj_ececfe47-ba1e-5b98-9fc9-8314e281aa67", "prj_ececfe47-ba1e-5b98-9fc9-8314e281aa68", False),
    ],
)
def test_ids_in_the_two_vintages_forms_may_be_the_same(one: str, other: str, same: bool) -> None:
    assert same_id(one, other) is same
