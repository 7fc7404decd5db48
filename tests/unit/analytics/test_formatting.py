"""Values as a person writes them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.formatting import display


@pytest.mark.parametrize(
    ("metric", "value", "written"),
    [
        ("engagement_rate", 0.082, "8.2%"),
        ("engagement_rate", 0.08, "8.0%"),
        ("engagement_rate", 0, "0.0%"),
        ("engagement_rate", 0.0004, "0.04%"),
        ("engagement_rate", 1e-9, "0.0%"),
        ("engagement_rate", 1.5, "150.0%"),
        ("roas", 5.2, "5.2x"),
        ("roas", 12.345, "12.3x"),
        ("roas", 0.0, "0.0x"),
        ("roas", 0.04, "0.04x"),
        ("views", 14820, "14,820"),
        ("views", 14820.0, "14,820"),
        ("views", 0, "0"),
        ("conversions", 312, "312"),
        ("conversions", 12.5, "12.5"),
        ("watch_time_ms", 61_400_000, "17h 3m"),
        ("watch_time_ms", 3_600_000, "1h 0m"),
        ("watch_time_ms", 3_599_999, "59m 59s"),
        ("watch_time_ms", 59_999, "59s"),
        ("watch_time_ms", 0, "0s"),
        ("watch_time_ms", 3_600_000_000_000, "1,000,000h 0m"),
    ],
)
def test_a_value_reads_as_a_person_would_write_it(metric: str, value: float, written: str) -> None:
    assert display(metric, value) == written  # type: ignore[arg-type]


@given(st.floats(0, 2))
def test_a_percentage_read_back_is_the_rate_it_came_from(rate: float) -> None:
    written = float(display("engagement_rate", rate).rstrip("%").replace(",", ""))
    assert written == pytest.approx(rate * 100, abs=0.0501)
    assert rate < 1e-6 or written > 0


@given(st.integers(0, 10**14))
def test_a_duration_read_back_is_the_time_it_came_from_rounded_down(milliseconds: int) -> None:
    written = display("watch_time_ms", milliseconds).replace(",", "")
    parts = {unit: int(number) for number, unit in re.findall(r"(\d+)([hms])", written)}
    seconds = parts.get("h", 0) * 3600 + parts.get("m", 0) * 60 + parts.get("s", 0)
    lost = milliseconds / 1000 - seconds
    assert 0 <= lost < (60 if "h" in parts else 1)
    assert parts.get("m", 0) < 60
    assert parts.get("s", 0) < 60


@given(st.integers(0, 10**15))
def test_a_count_is_grouped_by_thousands(count: int) -> None:
    assert display("views", count) == f"{count:,}"
