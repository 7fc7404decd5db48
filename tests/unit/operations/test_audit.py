"""What happened to an order, from its row and the events that were kept of it."""

from typing import get_args

import pytest

from layers_mcp.operations.audit import audits, happenings
from layers_mcp.operations.state_machine import Event, Renewed
from layers_mcp.operations.store.base import JournalEvent
from tests.support.factories import MORNING, clone


@pytest.mark.parametrize("event", [kind.__name__ for kind in get_args(Event) if kind is not Renewed])
def test_every_event_that_the_journal_keeps_is_told(event: str) -> None:
    [told] = happenings(clone(), [JournalEvent(MORNING, event, {})])
    assert told.at == MORNING


def test_an_event_of_a_later_version_is_passed_over() -> None:
    assert happenings(clone(), [JournalEvent(MORNING, "Teleported", {})]) == []


@pytest.mark.parametrize("detail", [{"answer": "lost"}, {"answer": None}, {"container_ids": "cnt_1"}, {"status": 7}])
def test_a_damaged_detail_is_told_as_far_as_it_goes(detail: dict[str, object]) -> None:
    [told] = happenings(clone(), [JournalEvent(MORNING, "Accepted", detail)])
    assert (told.step, told.ids) == ("found", ())


def test_an_order_goes_by_the_beginning_of_its_id_and_by_nothing_shorter_than_another_id() -> None:
    [audit] = audits([clone()], MORNING)
    assert audit.goes_by(audit.order_id[:10])
    assert audit.goes_by(audit.order_id.upper().replace("COM_", "com_"))
    assert not audit.goes_by("job_1")
