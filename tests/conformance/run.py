"""Runs the public conformance suite in both protocol eras. Needs Node.js 22.

    python -m tests.conformance.run

Two servers are tried, over Streamable HTTP: the product, `layers-mcp http` as a user starts it, on the scenarios that a
server with its capabilities can be asked; and `everything`, a test-only server on the same protocol layer, on the full
requirement sets of both revisions.
`CONFORMANCE` names an installed suite; without it, npx fetches the version that these lists were written for.
"""

# ruff: noqa: T201

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

SUITE = shlex.split(os.environ.get("CONFORMANCE", "npx --yes @modelcontextprotocol/conformance@0.2.0-alpha.12"))

REVISIONS = ("2025-11-25", "2026-07-28")

PRODUCT = {
    "2025-11-25": (
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "tools-list",
        "prompts-list",
        "resources-list",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
    ),
    "2026-07-28": (
        "tools-list",
        "prompts-list",
        "resources-list",
        "sep-2164-resource-not-found",
        "caching",
        "http-header-validation",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
        "input-required-result-unsupported-methods",
        "input-required-result-ignore-extra-params",
        "input-required-result-validate-input",
    ),
}
"""What the suite can ask of any server; the other scenarios call fixtures by name, which `everything` has."""


@contextmanager
def serving(*command: str) -> Iterator[str]:
    """Start a server on a free port, the first `PORT` of its command; yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, *(word.replace("PORT", str(port)) for word in command)]) as server:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the server did not start")


def passes(url: str, *arguments: str) -> bool:
    """Run the suite; what it says is shown only where it fails."""
    command = [*SUITE, "server", "--url", url, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        print(result.stdout, result.stderr, sep="\n")
    held = re.findall(r"^✓ \S+: ", result.stdout, re.MULTILINE)
    print(
        "FAILED" if result.returncode else "passed", *arguments, f"({len(held)} scenarios)" if held else "", flush=True
    )
    return result.returncode == 0


def main() -> int:
    outcomes: list[bool] = []
    with (
        tempfile.TemporaryDirectory() as state_dir,
        serving("-m", "layers_mcp", "http", "--sandbox", "--port", "PORT", "--state-dir", state_dir) as product,
        serving("-m", "tests.conformance.everything", "PORT") as everything,
    ):
        for revision in REVISIONS:
            outcomes.append(passes(everything, "--requirements", revision))
            for scenario in PRODUCT[revision]:
                outcomes.append(passes(product, "--scenario", scenario, "--spec-version", revision))  # noqa: PERF401
    print(f"{sum(outcomes)} of {len(outcomes)} runs passed")
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
