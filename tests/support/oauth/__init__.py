"""A real OAuth server (oidc-provider on Node.js) and the TypeScript SDK's client, run from the tests.

Both need npm packages, installed once outside of the repository:

    npm install --prefix ~/.cache/layers-oauth --no-audit --no-fund node@22 oidc-provider@9 @modelcontextprotocol/sdk@1

and named by `LAYERS_TEST_NODE_MODULES=~/.cache/layers-oauth/node_modules`.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.unit.tenancy.issuer import private_jwk

HERE = Path(__file__).parent
NODE_MODULES = os.environ.get("LAYERS_TEST_NODE_MODULES", "")


def node_command(folder: Path, script: str, *arguments: str) -> list[str]:
    """A command that runs a script of this folder, from `folder`, where it finds its packages."""
    modules = Path(NODE_MODULES).expanduser()
    shutil.copy(HERE / script, folder / script)
    link = folder / "node_modules"
    if not link.exists():
        link.symlink_to(modules, target_is_directory=True)
    own = modules / ".bin" / "node"
    return [str(own) if own.exists() else "node", str(folder / script), *arguments]


class OidcProvider:
    """A running issuer. `token` asks it for one as a machine does, without a person."""

    def __init__(self, issuer: str, folder: Path) -> None:
        self.issuer = issuer
        self._folder = folder

    def token(self, resource: str, scope: str = "layers:read layers:write") -> str:
        """An access token for the resource (client credentials); its `org` claim is "acme"."""
        form = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
        answer = httpx2.post(f"{self.issuer}/token", data=form, auth=("robot", "only-for-tests"))
        return answer.raise_for_status().json()["access_token"]

    def typescript_client(self, url: str, tool: str, account: str) -> dict[str, Any]:
        """What the TypeScript SDK's client prints after the whole flow."""
        command = node_command(self._folder, "client.mjs", url, tool, account)
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])


@contextmanager
def oidc_provider(folder: Path, *, kid: str = "k1", number: int = 0, port: int = 0) -> Generator[OidcProvider]:
    """Run the issuer with the key of this number, whose private half the tests know too."""
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    keys = folder / f"keys-{kid}.json"
    keys.write_text(json.dumps({"keys": [private_jwk(kid, number)]}), encoding="utf-8")
    process = subprocess.Popen(
        node_command(folder, "issuer.mjs", str(port), str(keys)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "ready":
                break
        yield OidcProvider(f"http://127.0.0.1:{port}", folder)
    finally:
        process.kill()
        process.communicate()
