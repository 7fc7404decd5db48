"""Price lists that cannot be read, in part or at all: no bound rests on what is unknown."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from layers_mcp.app import open_context
from layers_mcp.operations import CloneOrder, HookOrder, Limits, OperationError
from tests.support import BASE_URL, configured
from tests.support.order_harness import OrderHarness

pytestmark = pytest.mark.jumping


class PriceList(httpx2.AsyncBaseTransport):
    """The sandbox with other prices."""

    def __init__(self, harness: OrderHarness, prices: dict[str, Any]) -> None:
        self._inner = harness.sandbox.transport()
        self._prices = prices

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        if request.url.path != "/v1/credits":
            return response
        body = {**json.loads(await response.aread()), "estimatedCreditsPerFormat": self._prices}
        return httpx2.Response(200, json=body)


@pytest.mark.parametrize(
    ("prices", "clone", "hook"),
    [
        ({"auto": 120, "video_remix": None, "slideshow_remix": 50}, None, 120),
        ({"auto": None, "video_remix": 120}, None, None),
        ({"auto": 120.5, "video_remix": 50}, 121, 121),
        ({"auto": "120", "video_remix": 50}, 120, 120),
        ({"auto": "dear"}, None, None),
        ({"auto": {}}, None, None),
        ({"auto": True}, None, None),
        ({"auto": -120, "video_remix": 500}, None, None),
        ({"auto": 1e30}, None, None),
        ({"auto": 1_000_001}, None, None),
        ({}, None, None),
    ],
)
async def test_a_price_that_cannot_be_read_is_unknown_and_so_is_every_bound_that_may_rest_on_it(
    harness: OrderHarness, prices: dict[str, Any], clone: int | None, hook: int | None
) -> None:
    settings = configured(
        api_key=harness.sandbox.api_key, base_url=BASE_URL, state_dir=harness.state_dir, daily_credit_limit=1_000
    )
    expected: list[tuple[CloneOrder | HookOrder, int | None]] = [(harness.clone(), clone), (harness.generate(), hook)]
    async with open_context(**settings, transport=PriceList(harness, prices), clock=harness.sandbox.now) as context:
        for order, bound in expected:
            assert (await context.operations.orders.preview(order)).estimated_credits == bound
            if bound is None:
                for limits, code in ((Limits(max_credits=1_000_000), "MAX_CREDITS"), (Limits(), "DAILY_LIMIT")):
                    with pytest.raises(OperationError) as raised:
                        await context.operations.orders.place(order, limits)
                    assert (raised.value.code, raised.value.nothing_changed) == (code, True)
    assert harness.posts() == 0
