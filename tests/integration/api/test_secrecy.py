"""The key is in one header, and nowhere else."""

import logging
import traceback

import httpx2
import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.api.redaction import Redaction
from layers_mcp.text.secret import Secret
from tests.support.upstream import KEY, Upstream, broken, client, ok, raw, refused


async def test_no_repr_holds_the_key() -> None:
    async with client(Upstream(ok({"organizationId": "org_1"}))) as layers:
        await layers.whoami()
        transport = layers._transport
        texts = [repr(layers), str(layers), repr(transport), repr(vars(layers)), repr(vars(transport))]
        texts.append(repr(transport._http.headers))
    assert all(KEY not in text for text in texts)
    assert layers.base_url in repr(layers)


async def test_the_fingerprint_tells_keys_apart_and_gives_none_away() -> None:
    upstream = Upstream(ok({}))
    async with client(upstream) as first, client(upstream, api_key="lp_other") as second:
        assert first.key_fingerprint != second.key_fingerprint
        assert first.key_fingerprint not in KEY
        assert len(first.key_fingerprint) == 16


@pytest.mark.jumping
async def test_no_error_of_any_kind_holds_the_key_in_its_text_or_chain() -> None:
    echo = f"your key {KEY} is"
    for reply in (
        refused(401, "UNAUTHENTICATED", echo),
        refused(422, "VALIDATION", echo, {"issues": [{"path": [KEY], "message": echo}]}),
        refused(409, "CONFLICT", echo),
        refused(410, KEY.upper(), echo),
        raw(500, echo.encode(), "text/plain"),
        broken(httpx2.ConnectError, echo),
        broken(httpx2.ReadError, echo),
    ):
        async with client(Upstream(reply)) as layers:
            with pytest.raises(LayersError) as failure:
                await layers.jobs.cancel("job_1")
        told = "".join(traceback.format_exception(failure.value)) + repr(failure.value) + failure.value.hint
        assert KEY not in told
        assert failure.value.__cause__ is None
        assert failure.value.__context__ is None


async def test_no_log_line_holds_the_key_even_where_upstream_echoes_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with client(Upstream(ok({"organizationId": "org_1"}, x_echo=f"Bearer {KEY}"))) as layers:
        await layers.whoami()
        for name in ("httpx2", "httpcore2.http11", "httpcore2.connection", "layers_mcp.api"):
            logging.getLogger(name).debug("receive_response_headers.complete %r", [(b"x-echo", KEY.encode())])
        logging.getLogger("httpcore2.http11").debug(f"eager {KEY}")
    assert KEY not in caplog.text
    assert "[key]" in caplog.text
    assert "GET /v1/whoami: 200" in caplog.text


async def test_a_closed_client_leaves_the_loggers_as_they_were() -> None:
    before = list(logging.getLogger("httpx2").filters)
    async with client(Upstream(ok({"organizationId": "org_1"}))) as layers:
        await layers.whoami()
        assert len(logging.getLogger("httpx2").filters) == len(before) + 1
    assert logging.getLogger("httpx2").filters == before


def test_a_line_without_the_key_is_left_alone() -> None:
    record = logging.LogRecord("httpx2", logging.INFO, "", 0, "%s is %d", ("it", 3), None)
    redaction, secret = Redaction(), Secret(KEY)
    redaction.watch(secret)
    assert redaction.filter(record)
    redaction.forget(secret)
    assert (record.msg, record.args) == ("%s is %d", ("it", 3))
    assert Secret("").redact("text") == "text"
