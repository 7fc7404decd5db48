"""Which connections are made, and which are used again: over real sockets."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from layers_mcp.api.errors import Unreachable
from layers_mcp.api.request import Repeat, Request, path
from layers_mcp.api.shared import SharedResources
from tests.support.upstream import Upstream, client, ok

ONCE = Request(method="GET", path=path("whoami"), repeat=Repeat.NEVER)
UNUSED = Upstream(ok({}))


def http(organization: str, *, chunked: bool = False) -> bytes:
    body = b'{"organizationId": "%s"}' % organization.encode()
    if chunked:
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


TRUE = http("org_true")
FORGED = http("org_forged")
ONE_RECORD = TRUE.replace(b"\r\n", b"\r\nX-Pad: %s\r\n" % (b"x" * (16_384 - len(TRUE) - len("X-Pad: \r\n"))), 1)
"""An answer that fills a TLS record: what follows it in one piece is still encrypted when the answer has been read."""


class Server:
    """Answers each request with the next script's parts, waiting between them; the last script for ever."""

    def __init__(self, *scripts: tuple[bytes | float, ...]) -> None:
        self._scripts = list(scripts)
        self.connections = 0
        self.heads: list[bytes] = []

    async def __call__(self, stream: ByteStream) -> None:
        self.connections += 1
        async with stream:
            with_end = b""
            try:
                while True:
                    while b"\r\n\r\n" not in with_end:
                        with_end += await stream.receive()
                    head, _, with_end = with_end.partition(b"\r\n\r\n")
                    self.heads.append(head)
                    for part in self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]:
                        if isinstance(part, bytes):
                            await stream.send(part)
                        else:
                            await anyio.sleep(part)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass

    @asynccontextmanager
    async def url(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        """The base URL of this server while it runs."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)
        serving = TLSListener(listener, tls, standard_compatible=False) if tls else listener
        async with serving, anyio.create_task_group() as group:
            group.start_soon(serving.serve, self)
            yield f"http{'s' if tls else ''}://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
            group.cancel_scope.cancel()


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's TLS context for localhost, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=file)


EXTRA: list[tuple[bytes | float, ...]] = [
    (TRUE + FORGED,),
    (http("org_true", chunked=True) + FORGED,),
    (TRUE, FORGED),
    (TRUE, 0.05, FORGED),
    (TRUE + b"HTTP/1.1 200 OK\r\nX-Swallow: ",),
    (TRUE + b"\r\n",),
    (ONE_RECORD + FORGED,),
    (TRUE[:10], 0.01, TRUE[10:] + FORGED[:20], 0.05, FORGED[20:]),
]
"""Bytes after an answer: with it, in a piece of their own, later, whole and in part."""


@pytest.mark.parametrize("script", EXTRA, ids=range(len(EXTRA)))
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_no_byte_after_an_answer_is_taken_for_the_next_one(
    script: tuple[bytes | float, ...], secure: bool, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server = Server(script, (TRUE,))
    async with (
        server.url(contexts[0] if secure else None) as url,
        client(UNUSED, base_url=url, transport=None, shared=SharedResources(verify=contexts[1])) as layers,
    ):
        assert (await layers.whoami()).organization_id == "org_true"
        await anyio.sleep(0.1)
        assert (await layers.whoami()).organization_id == "org_true"
        assert (await layers.whoami()).organization_id == "org_true"
    assert server.connections == 2
    assert len(server.heads) == 3


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_a_connection_on_which_nothing_is_unread_is_used_again(
    secure: bool, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server = Server((TRUE,), (http("org_true", chunked=True),), (b"HTTP/1.1 100 Continue\r\n\r\n" + TRUE,), (TRUE,))
    async with (
        server.url(contexts[0] if secure else None) as url,
        client(UNUSED, base_url=url, transport=None, shared=SharedResources(verify=contexts[1])) as layers,
    ):
        for _ in range(5):
            assert (await layers.whoami()).organization_id == "org_true"
    assert (server.connections, len(server.heads)) == (1, 5)


async def test_a_connection_that_the_server_closed_is_replaced_before_a_request_is_lost_on_it() -> None:
    async def once(stream: ByteStream) -> None:
        server.connections += 1
        async with stream:
            server.heads.append(await stream.receive())
            await stream.send(TRUE)

    server = Server((TRUE,))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, once)
        url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        async with client(UNUSED, base_url=url, transport=None) as layers:
            for _ in range(3):
                await layers.retry.perform(ONCE)
                await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    assert server.connections == 3


async def test_https_goes_through_the_proxy_that_the_environment_names_and_plain_http_never_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",)
    proxy, server = Server(refusal), Server((TRUE,))
    async with proxy.url() as proxy_url, server.url() as url:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy_url.replace("//", "//user:word@"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with client(UNUSED, base_url=url, transport=None) as layers:
            assert (await layers.whoami()).organization_id == "org_true"
        assert proxy.heads == []
        async with client(UNUSED, transport=None) as layers:
            with pytest.raises(Unreachable, match="proxy") as failure:
                await layers.retry.perform(ONCE)
        assert proxy.heads[0].startswith(b"CONNECT api.layers.test:443")
        assert b"Proxy-Authorization: Basic dXNlcjp3b3Jk" in proxy.heads[0]
        assert "word" not in repr(failure.value)
        monkeypatch.setenv("NO_PROXY", "layers.test")
        async with client(UNUSED, transport=None) as layers:
            with pytest.raises(Unreachable, match="could not be reached"):
                await layers.retry.perform(ONCE)
    assert len(proxy.heads) == 1


async def test_a_socks_proxy_is_spoken_to_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bytes] = []

    async def socks(stream: ByteStream) -> None:
        async with stream:
            for answer in (b"\x05\x00", b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", b"no TLS here"):
                said.append(await stream.receive())
                await stream.send(answer)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, socks)
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{listener.extra(SocketAttribute.local_port)}")
        monkeypatch.delenv("HTTPS_PROXY", raising=False)
        async with client(UNUSED, transport=None) as layers:
            with pytest.raises(Unreachable):
                await layers.retry.perform(ONCE)
        group.cancel_scope.cancel()
    assert b"api.layers.test" in said[1]
