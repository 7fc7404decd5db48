"""The simulation of the loop, kept running: its policies see what the tools tell, and spend alike."""

import ast
import sys
from pathlib import Path

import pytest

from layers_mcp.sandbox import WorldParameters

BENCH = Path(__file__).parents[2] / "bench"

sys.path.append(str(BENCH))

import loop_plot  # noqa: E402
import loop_policies  # noqa: E402
import loop_simulation  # noqa: E402


def test_a_policy_knows_the_tools_and_nothing_of_the_world():
    tree = ast.parse((BENCH / "loop_policies.py").read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {module for module in imported if module and module.startswith("layers_mcp")}
    assert ours
    assert all(module.startswith(("layers_mcp.tools.", "layers_mcp.context")) for module in ours)


@pytest.mark.slow
@pytest.mark.parametrize("policy", loop_policies.POLICIES)
def test_every_policy_makes_the_same_number_of_pieces_and_pays_for_them(policy):
    result = loop_simulation.run(policy, 3, WorldParameters(), weeks=3)
    assert result.posts == 3 * loop_policies.ORDERS_A_WEEK * loop_policies.VARIATIONS
    assert result.credits == result.posts * 120
    assert all(0 < (rate or 0) < 1 for rate in result.weekly)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_half_year():
    one, two = (loop_simulation.run("the guide's loop", 3, WorldParameters(), weeks=2) for _ in range(2))
    assert one == two


def test_an_interval_over_worlds_holds_their_mean():
    mean, low, high = loop_simulation.interval([0.1, 0.2, 0.3, 0.4])
    assert low < mean < high
    assert mean == pytest.approx(0.25)


def test_every_rule_of_the_world_is_varied_or_left_out_by_name():
    assert set(WorldParameters.__dataclass_fields__) >= loop_simulation.UNUSED


def test_the_plot_draws_a_line_and_a_band_for_each_policy():
    series = [loop_plot.Series(name, [(1.0, 0.5, 1.5), (2.0, 1.0, 3.0)]) for name in ("a", "b & c")]
    drawing = loop_plot.plot(series, "A title")
    assert drawing.count("<polyline") == drawing.count("<polygon") == 2
    assert "b &amp; c" in drawing
