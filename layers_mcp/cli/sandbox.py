"""`layers-mcp sandbox`: the embedded Layers API over HTTP, for any client; `--advance` and `--reset` act on its world.

Without `--db` it is the world of `layers-mcp --sandbox`, which running servers share.
"""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from layers_mcp.cli import imports_done
from layers_mcp.config import Options, ServerConfig

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse has no public name for it

    from layers_mcp.sandbox import Fault, Sandbox

_FAULTS = """
A faults file, such as [{"endpoint": "POST /v1/content/:id/clone-from-post", "kind": "drop_after", "calls": [1]},
{"endpoint": "*", "kind": "status", "status": 500, "rate": 0.1}], says what goes wrong, where (a path's ids are :names),
and when: on the calls named, else at the rate, else always. "seconds" is how late an answer comes, or a status's
Retry-After; "code" a status's code; "parameter" limits a fault to requests with that one; "account" (an id, handle or
platform) is whose login expires before a post goes out. The kinds: latency, status, drop_before, drop_after, truncate,
html_502, job_failed, login_expired.
"""

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the `sandbox` command."""
    parser = commands.add_parser(
        "sandbox",
        description="Serve the embedded Layers API over HTTP on this machine, or move its clock, or begin it again.",
        epilog=_FAULTS,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--port", type=_port, default=8787, metavar="N", help="the port to serve on (8787; 0 picks a free one)")
    add("--db", type=Path, metavar="PATH", help="the world's file (default: the world of layers-mcp --sandbox)")
    add("--faults", type=Path, metavar="PATH", help="a JSON list of faults to serve with")
    vintages = ("preview", "current", "both")
    add("--vintage", choices=vintages, default="preview", metavar="NAME", help=f"{', '.join(vintages)} (preview)")
    add("--advance", type=_span, metavar="SPAN", help="move the world's clock ahead, such as 12h or 14d, and exit")
    add("--reset", action="store_true", help="begin the world again, with what was ordered in it forgotten, and exit")
    add("--state-dir", metavar="PATH", help="where the world lies without --db (LAYERS_STATE_DIR)")
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Serve until told to stop, or change the world and exit: 1 where that fails, 2 on a bad file."""
    from layers_mcp.sandbox import Sandbox, WorldFileError, WorldVersionError

    imports_done()
    environ = {name: value for name, value in os.environ.items() if name == "LAYERS_STATE_DIR"}
    shared = ServerConfig.load(Options({"state_dir": options.state_dir, "sandbox": True}, environ))
    path = options.db or shared.world_path
    try:
        faults = _faults(options.faults)
        if options.reset:
            _reset(path, None if options.db else shared.state_dir)
            _say("The world begins again.")
        with Sandbox(path=path, faults=faults, rate_limits=True, vintage=options.vintage) as sandbox:
            if options.advance is not None:
                sandbox.advance(options.advance)
                _say(f"The world's time is now {sandbox.now():%Y-%m-%d %H:%M} UTC.")
            if options.reset or options.advance is not None:
                return 0
            return _serve(sandbox, options.port)
    except WorldFileError as problem:
        ours = options.db is None or isinstance(problem, WorldVersionError)
        _complain(f"{problem} {'Begin a new world with --reset.' if ours else 'Name another one with --db.'}")
        return 2
    except ValueError as problem:
        _complain(str(problem))
        return 2
    except OSError as problem:
        _complain(problem.strerror or "the file or the port cannot be used")
        return 1


def _serve(sandbox: Sandbox, port: int) -> int:
    from layers_mcp.sandbox.http import HOST, http_server, listen

    with listen(port) as listening:

        def ready() -> None:
            _say(f"LAYERS_BASE_URL=http://{HOST}:{listening.getsockname()[1]}")
            _say(f"LAYERS_API_KEY={sandbox.api_key}")
            for name, project_id in sandbox.projects.items():
                _say(f"{name}={project_id}")

        http_server(sandbox, ready).run(sockets=[listening])
    return 0


def _reset(path: Path, state_dir: Path | None) -> None:
    """Begin the world again in place, so that running servers follow; one of another version is removed first.

    In the state directory, whatever is in the place of the world is. Raises `WorldFileError` for a file elsewhere that
    is no world: it may hold anything.
    """
    from layers_mcp.sandbox import Sandbox, WorldFileError, WorldVersionError

    try:
        with Sandbox(path=path) as sandbox:
            sandbox.reset()
    except WorldFileError as error:
        if state_dir is None and not isinstance(error, WorldVersionError):
            raise
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        Sandbox(path=path).close()
    for journal in state_dir.iterdir() if state_dir else ():
        if journal.is_file() and not journal.name.startswith(path.name):
            journal.unlink()


def _faults(path: Path | None) -> list[Fault]:
    from layers_mcp.sandbox.faults import load_faults

    if path is None:
        return []
    try:
        return load_faults(path)
    except (OSError, ValueError) as problem:
        raise ValueError(f"--faults cannot be used: {problem}") from None


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([mhdw])", text)
    if match is None:
        raise ArgumentTypeError("a number and a unit, such as 30m, 12h, 14d or 2w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65_535:
        raise ArgumentTypeError("a port from 0 to 65535")
    return int(text)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this command's stdout is for people and scripts


def _complain(reason: str) -> None:
    print(f"layers-mcp sandbox: {reason}", file=sys.stderr)  # noqa: T201
