"""From the start of the process to the answer of `initialize`: ours beside a bare hello-world on the same SDK.

    python bench/startup.py [rounds]

The two are started in turn, so that both see the same machine. Goal: no slower than the hello-world, by the median.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HELLO_WORLD = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("hello")

@server.tool()
def hello(name: str) -> str:
    '''Say hello.'''
    return f"Hello {name}"

server.run()
"""

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}


def seconds_to_initialize(command: list[str]) -> float:
    """Start `command`, initialize it, end it."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        took = time.perf_counter() - began
        assert "result" in answer
        process.stdin.close()
        process.wait(10)
    return took


def main(rounds: int) -> int:
    """Print the table; exit code 1 where the goal is missed."""
    with tempfile.TemporaryDirectory() as scratch:
        hello = Path(scratch) / "hello.py"
        hello.write_text(HELLO_WORLD, "utf-8")
        commands = {
            "MCPServer hello-world": [sys.executable, str(hello)],
            "layers-mcp --sandbox": [sys.executable, "-m", "layers_mcp", "--sandbox", "--state-dir", scratch],
        }
        for command in commands.values():
            seconds_to_initialize(command)  # the first start compiles and fills the caches
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                taken[name].append(seconds_to_initialize(command))
    print(f"{'start to initialize':<24}{'median':>10}{'best':>10}")
    for name, times in taken.items():
        print(f"{name:<24}{statistics.median(times) * 1000:>7.0f} ms{min(times) * 1000:>7.0f} ms")
    hello_times, our_times = taken.values()
    ratio = statistics.median(our_times) / statistics.median(hello_times)
    print(f"{'ratio':<24}{ratio:>7.2f} x {min(our_times) / min(hello_times):>7.2f} x")
    return int(ratio > 1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
