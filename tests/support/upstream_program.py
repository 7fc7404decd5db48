"""The embedded Layers API over HTTP without rate limits, for load: `python -m tests.support.upstream_program DB`."""

import sys
from pathlib import Path

from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.http import HOST, http_server, listen
from layers_mcp.sandbox.simulation.parameters import WorldParameters

RICH = WorldParameters(opening_credits=100_000_000)
"""An organization that no load leaves without credits."""


def main(database: str) -> None:
    """Serve until told to stop; the URL and the key on stdout."""
    with Sandbox(path=Path(database), world=RICH) as sandbox, listen(0) as listening:

        def ready() -> None:
            sys.stdout.write(f"http://{HOST}:{listening.getsockname()[1]} {sandbox.api_key}\n")
            sys.stdout.flush()

        http_server(sandbox, ready).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1])
