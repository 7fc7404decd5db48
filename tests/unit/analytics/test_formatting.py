"""Values as a person writes them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.formatting import counted, display, half_up, percent, times


@pytest.mark.parametrize(
    ("metric", "value", "written"),
    [
        ("engagement_rate", 0.082, "8.2%"),
        ("engagement_rate", 0.08, "8.0%"),
        ("engagement_rate", 0, "0.0%"),
        ("engagement_rate", 0.0004, "0.04%"),
        ("engagement_rate", 1e-9, "0.0%"),
        ("engagement_rate", 1.5, "150.0%"),
        ("engagement_rate", 0.0195, "2.0%"),
        ("engagement_rate", 0.0115, "1.2%"),
        ("engagement_rate", 0.00045, "0.05%"),
        ("roas", 0.25, "0.3x"),
        ("conversions", 12.25, "12.3"),
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
        ("watch_seconds_per_view", 4.14, "4.1s"),
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


@given(st.integers(0, 20_000))
def test_a_half_goes_up_however_a_machine_keeps_the_number(tenths: int) -> None:
    rate = float(f"0.{tenths:05d}"[:-1] + "5")
    shown = display("engagement_rate", rate)
    exact = int(f"{tenths:05d}"[:-1]) * 10 + 5  # the rate in hundred-thousandths
    if exact >= 50:
        assert shown == f"{(exact + 50) // 100 / 10:,.1f}%"


@given(st.floats(-1e40, 1e40))
def test_a_rounded_number_is_the_nearest_with_its_digits(value: float) -> None:
    assert float(half_up(value, 2)) == pytest.approx(value, abs=0.005 + 1e-12, rel=1e-12)


def test_sentences_write_numbers_as_people_do() -> None:
    assert (percent(0.0789), percent(0.0195), percent(0.6)) == ("7.9 %", "2.0 %", "60.0 %")
    assert (times(1.268), times(0.6), times(0.04), times(1234.5)) == ("1.27", "0.60", "0.04", "1,234.50")
    assert [counted(number, "row") for number in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]
    assert counted(2, "reply", "replies") == "2 replies"
