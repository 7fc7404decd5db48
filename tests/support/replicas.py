"""Two `layers-mcp http` processes with one PostgreSQL journal behind HAProxy, on this machine, started by a test.

PostgreSQL is found where Debian puts it, HAProxy on the path.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.e2e.program import environment
from tests.support import PATIENCE

POSTGRES_BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")

MISSING = ", ".join(name for name, found in (("postgresql", POSTGRES_BIN), ("haproxy", HAPROXY)) if not found)
"""The Debian packages that are not installed."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Postgres:
    """A PostgreSQL cluster of its own, which can be stopped, started and frozen."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="layers-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop(check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        settings = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "--wait", f"--log={self.folder}/log", f"--options={settings}", "start")

    def stop(self, *, check: bool = True) -> None:
        self._run("pg_ctl", "--wait", "--mode=fast", "stop", check=check)

    def connections(self) -> int:
        """How many clients are connected, this question aside."""
        query = "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
        told = self._run("psql", "-h127.0.0.1", f"-p{self.port}", "-Upostgres", "-Atc", query, data=False)
        return int(told)

    def _run(self, program: str, *arguments: str, check: bool = True, data: bool = True) -> str:
        assert POSTGRES_BIN is not None
        command = [str(POSTGRES_BIN / program), *arguments, *([f"--pgdata={self.folder}/data"] if data else [])]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        with (self.folder / f"{program}.out").open("w+") as out:  # a pipe would be held open by the server
            ended = subprocess.run(command, cwd=self.folder, stdout=out, stderr=subprocess.STDOUT, check=False)
            out.seek(0)
            told = out.read()
        assert ended.returncode == 0 or not check, told
        return told


@dataclass
class Replica:
    """One server process; it can be killed or told to stop, and started again at the same port."""

    port: int
    flags: Sequence[str]
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "layers_mcp", "http", "--port", str(self.port), *self.flags],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.env,
                text=True,
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("LAYERS_MCP_URL="), self.log.read_text()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """Tell it to stop, and wait for its end: the exit code."""
        self._signal(signal.SIGTERM)
        assert self.process is not None
        self.process.communicate(timeout=PATIENCE + 60)
        return self.process.returncode

    def _signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


@dataclass
class Fleet:
    """Two replicas, what they stand on, and the URL of the balancer in front of them."""

    url: str
    key: str
    world: Path
    postgres: Postgres
    replicas: list[Replica] = field(default_factory=list)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@contextmanager
def fleet(folder: Path, *flags: str, **env: Any) -> Generator[Fleet]:
    """Start everything; each replica listens on loopback, with `--auth key`, for the balancer's host."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        world = folder / "world.db"
        upstream, key = stack.enter_context(_upstream(world))
        balancer = free_port()
        ports = [free_port(), free_port()]
        common = ["--auth", "key", "--allowed-host", f"127.0.0.1:{balancer}", "--base-url", upstream]
        common += ["--journal-url", postgres.url, *flags]
        replicas = [
            Replica(port, common, environment(folder / f"state-{port}", **env), folder / f"replica-{port}.log")
            for port in ports
        ]
        for replica in replicas:
            stack.callback(_end, replica)
            replica.start()
        stack.enter_context(_haproxy(folder, balancer, ports))
        yield Fleet(f"http://127.0.0.1:{balancer}/mcp", key, world, postgres, replicas)


def _end(replica: Replica) -> None:
    replica.kill()
    if replica.process is not None:
        replica.process.communicate()


@contextmanager
def _upstream(world: Path) -> Generator[tuple[str, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.upstream_program", str(world)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url, key = process.stdout.readline().split()
        yield url, key
    finally:
        process.kill()
        process.communicate()


_CONFIG = """
global
    maxconn 4000
defaults
    mode http
    timeout connect 2s
    timeout client 120s
    timeout server 120s
    timeout http-keep-alive 20s
    option redispatch
    retries 3
    # what was never sent, and what a replica refuses because it stops, may be sent to the other one
    retry-on conn-failure 503
    option httpchk GET /health/ready
frontend mcp
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    balance roundrobin
    default-server inter 300ms fall 1 rise 1
{servers}
"""


@contextmanager
def _haproxy(folder: Path, port: int, ports: Sequence[int]) -> Generator[None]:
    assert HAPROXY is not None
    servers = "\n".join(f"    server r{number} 127.0.0.1:{number} check" for number in ports)
    config = folder / "haproxy.cfg"
    config.write_text(_CONFIG.format(port=port, servers=servers), encoding="utf-8")
    with (folder / "haproxy.log").open("w") as log:
        process = subprocess.Popen([HAPROXY, "-f", str(config), "-db"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                    break
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()
