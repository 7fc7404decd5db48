"""The program: `layers-mcp`, a server on stdio, and its other commands.

A command's module is imported when it is chosen, so that the server starts without the demo.
"""

from __future__ import annotations

import gc
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

COMMANDS = {
    "serve": "serve on stdio (what happens without a command)",
    "http": "serve over HTTP, for a team or many tenants",
    "demo": "run the whole loop on the sandbox and show it",
    "sandbox": "serve the embedded Layers API over HTTP, or move its clock",
    "orders": "list what was ordered and published, and what happened to one order",
    "doctor": "check settings, reachability and what the key may do",
}


def imports_done() -> None:
    """Start the garbage collector; what is loaded by now stays, so it need not be checked again."""
    gc.freeze()
    gc.enable()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit: 0 when all went well, 1 when something failed, 2 on bad usage or settings."""
    # Importing makes many objects and almost no garbage: the collector would search them again and again.
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console that lacks a character still gets the line
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0] not in COMMANDS and given[0] not in {"-h", "--help", "--version"}):
        given.insert(0, "serve")
    sys.exit(_run(given))


class _Parser(ArgumentParser):
    """Tells bad usage in one line; its commands' parsers do the same."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _run(given: list[str]) -> int:
    from importlib import import_module

    from layers_mcp import __version__
    from layers_mcp.config import ConfigError

    parser = _Parser(
        prog="layers-mcp",
        description="The publish-to-learn loop of the Layers Partner API as MCP tools.",
        epilog="Flags of a command: layers-mcp serve --help. Without a command, serve's flags may follow at once.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        if given[0] == name:
            import_module(f"layers_mcp.cli.{name}").add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    options, unknown = parser.parse_known_args(given)
    if unknown:  # told without their values: one could be the key, which is no flag
        flags = [argument.partition("=")[0] for argument in unknown if argument.startswith("--")]
        if flags:
            commands.choices[given[0]].error(f"unknown {', '.join(flags)}")
        parser.error(f"unknown argument; a command comes first, one of {', '.join(COMMANDS)}")
    try:
        return options.run(options)
    except ConfigError as problem:
        print(f"layers-mcp: {problem}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read stdout is gone; what is still buffered would fail again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
