"""What a long-lived server keeps: its resident memory over 10,000 calls.

    python bench/memory.py [calls]

The real server on the sandbox, as a client starts it, asked in turn for a ranking, a page of creatives and a month of
metrics, with a refused argument in between. Memory is read from `/proc`, so this runs on Linux. Goal: flat, which means
that the second half of the calls adds less than 1 %.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

GOAL = 0.01
SAMPLES = 10


async def kept(calls: int, state_dir: str) -> list[int]:
    """The server's resident kB after each tenth of the calls."""
    program = [sys.executable, "-m", "layers_mcp", "--sandbox", "--state-dir", state_dir]
    samples: list[int] = []
    async with Client(StdioServerParameters(command=program[0], args=program[1:])) as client:
        server = server_of(state_dir)
        found = (await client.call_tool("list_projects", {"search": "acme"})).structured_content
        assert found is not None
        project = {"project_id": found["projects"][0]["project_id"]}
        questions = [
            ("rank_top_performers", {**project, "metric": "engagement_rate"}),
            ("list_ads_content", project),
            ("get_metrics", project),
            ("rank_top_performers", {**project, "metric": "fame"}),
        ]
        for number in range(1, calls + 1):
            tool, arguments = questions[number % len(questions)]
            await client.call_tool(tool, arguments)
            if number % (calls // SAMPLES) == 0:
                samples.append(resident(server))
    return samples


def server_of(state_dir: str) -> int:
    """The process that serves this state directory."""
    return int(
        subprocess.check_output(["pgrep", "--newest", "--full", f"layers_mcp --sandbox --state-dir {state_dir}"])
    )


def resident(process: int) -> int:
    """Resident memory in kB."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def main(calls: int) -> int:
    """Print the samples and the growth; exit code 1 where it is not flat."""
    with tempfile.TemporaryDirectory() as state_dir:
        samples = anyio.run(kept, calls, state_dir)
    for number, kilobytes in enumerate(samples, 1):
        print(f"{number * (calls // SAMPLES):>8,} calls  {kilobytes / 1024:8.1f} MB")
    growth = samples[-1] / samples[SAMPLES // 2 - 1] - 1
    print(f"second half     {growth:+8.2%}")
    return int(growth > GOAL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
