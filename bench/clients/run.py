"""Real clients close the loop on the sandbox, each through its snippet in docs/clients, and make the table there.

    python bench/clients/run.py                 # all, each in an environment of its own; takes minutes to install
    python bench/clients/run.py --gate          # the two that gate every change
    python bench/clients/run.py --only langchain --keep FOLDER   # keep the environments for the next run

Run it in an environment where the package is installed. Every client meets a new world: its home is a new folder.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PAGES = HERE.parent.parent / "docs" / "clients"
SECONDS = 300


@dataclass(frozen=True)
class Client:
    """A client: the page of its snippet in docs/clients, the program that uses it, and what it needs installed."""

    page: str
    program: str
    packages: tuple[str, ...]
    gates: bool = False

    @property
    def folder(self) -> str:
        return self.program.replace(".", "-")

    @property
    def text(self) -> str:
        return (PAGES / f"{self.page}.md").read_text("utf-8")

    @property
    def heading(self) -> str:
        """The page's title, as a link for the table."""
        return f"[{self.text.splitlines()[0].removeprefix('# ')}]({self.page}.md)"

    def snippet(self) -> str:
        """The first code block of the page."""
        block = re.search(r"^```\w+\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        assert block, self.page
        return block[1]


CLIENTS = (
    Client("mcp-python-sdk", "with_mcp.py", ("mcp>=2.3,<3",), gates=True),
    Client("mcp-typescript-sdk", "with_mcp.mjs", ("@modelcontextprotocol/client@2",), gates=True),
    Client("openai-agents", "with_openai_agents.py", ("openai-agents",)),
    Client("pydantic-ai", "with_pydantic_ai.py", ("pydantic-ai-slim[mcp]",)),
    Client("langchain", "with_langchain.py", ("langchain-mcp-adapters",)),
    Client("llama-index", "with_llama_index.py", ("llama-index-tools-mcp",)),
    Client("google-adk", "with_google_adk.py", ("google-adk[mcp]",)),
    Client("google-genai", "with_google_genai.py", ("google-genai", "mcp>=2.3,<3")),
    Client("agno", "with_agno.py", ("agno", "fastmcp>=4,<5")),
    Client("haystack", "with_haystack.py", ("mcp-haystack",)),
    Client("ai-sdk", "with_ai_sdk.mjs", ("@ai-sdk/mcp", "ai", "zod")),
)


def main() -> int:
    """Run the chosen clients and print the table; the exit code is how many failed."""
    parser = argparse.ArgumentParser(description="Real clients on the sandbox.")
    parser.add_argument("--gate", action="store_true", help="only the clients that gate every change")
    parser.add_argument("--only", metavar="PAGE", help="only this client, by its page in docs/clients")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="where the clients' environments stay")
    options = parser.parse_args()
    chosen = [
        client for client in CLIENTS if (client.gates or not options.gate) and options.only in (None, client.page)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        environments = options.keep or Path(scratch) / "environments"
        results = [(client, *outcome(client, environments.resolve())) for client in chosen]
    print("| client | version | its `mcp` | closes the loop | seconds |\n|---|---|---|---|---|")
    for client, version, mcp, failure, seconds in results:
        print(f"| {client.heading} | {version} | {mcp} | {'no' if failure else 'yes'} | {seconds:.0f} |")
    failures = [(client, failure) for client, _, _, failure, _ in results if failure]
    for client, failure in failures:
        print(f"\n{client.heading}:\n{failure}", file=sys.stderr)
    return len(failures)


def outcome(client: Client, environments: Path) -> tuple[str, str, str, float]:
    """Version of the client, of its `mcp`, why it failed ("" = it did not), and the seconds that its loop took."""
    environment = environments / client.folder
    environment.mkdir(parents=True, exist_ok=True)
    javascript = client.program.endswith(".mjs")
    try:
        version, mcp = (installed_js if javascript else installed)(client, environment)
    except subprocess.CalledProcessError as error:
        return "", "", f"could not be installed: {error.stderr}", 0.0
    (environment / f"snippet{Path(client.program).suffix}").write_text(client.snippet(), "utf-8")
    for name in (client.program, f"walk{Path(client.program).suffix}"):
        shutil.copy(HERE / name, environment / name)
    runner = "node" if javascript else str(environment / "venv" / "bin" / "python")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        try:
            done = subprocess.run(
                [runner, client.program],
                cwd=environment,
                env=environ(home),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return version, mcp, f"not done after {SECONDS} s: {error.stdout}", SECONDS
    closed = done.returncode == 0 and "closed the loop" in done.stdout
    return version, mcp, "" if closed else (done.stdout + done.stderr)[-2000:], time.monotonic() - started


def environ(home: str) -> dict[str, str]:
    """Where `layers-mcp` is found, and a home without anything in it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    keep = {name: os.environ[name] for name in ("LANG", "SSL_CERT_FILE") if name in os.environ}
    return {**keep, "PATH": path, "HOME": home, "OTEL_SDK_DISABLED": "true", "HAYSTACK_TELEMETRY_ENABLED": "False"}


def installed(client: Client, environment: Path) -> tuple[str, str]:
    """Install a Python client, unless it is there; its version and that of its `mcp`."""
    python = environment / "venv" / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", str(environment / "venv"))
        run(str(python), "-m", "pip", "install", "--quiet", *client.packages)
    names = [re.split(r"[\[<>=]", client.packages[0])[0], "mcp"]
    code = f"from importlib.metadata import version; print(*map(version, {names!r}))"
    version, mcp = run(str(python), "-c", code).split()
    return version, mcp


def installed_js(client: Client, environment: Path) -> tuple[str, str]:
    """Install a JavaScript client, unless it is there; its version."""
    if not (environment / "node_modules").exists():
        run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(environment), *client.packages)
    package = environment / "node_modules" / re.sub(r"(?<=.)@.*", "", client.packages[0]) / "package.json"
    return json.loads(package.read_text("utf-8"))["version"], ""


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
