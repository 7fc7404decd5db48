"""Whatever is ordered, decided, published, moved and canceled, in whatever order: the sandbox's schedule stays true."""

import os
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from layers_mcp.sandbox import Fault, Sandbox
from tests.integration.sandbox.conftest import HandClock, open_api

pytestmark = pytest.mark.fuzz

STEPS = int(5 * float(os.environ.get("LAYERS_TEST_STEPS", "1")))

PROJECT = "acme-todo"
FINAL = {"published", "draft", "draft_in_inbox", "failed", "canceled"}
MODES = ("publish", "draft", "direct_publish", "reels", "feed", "draft_to_device")
DECISIONS: dict[str, dict[str, str]] = {"approve": {}, "reject": {"reason": "no"}}

places = st.integers(0, 7)


class Publishing(RuleBasedStateMachine):
    """A world in both vintages' words, and what a client was told about it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.sandbox = Sandbox(clock=self.clock, vintage="both")
        self.containers: list[str] = []
        self.scheduled: dict[str, str] = {}  # a scheduled post's container
        self.seen: dict[str, dict[str, Any]] = {}  # how it stood when it was last looked at
        self.before = {truth.platform_post_id for truth in self.sandbox.truth(PROJECT)}

    def teardown(self) -> None:
        self.sandbox.close()

    def send(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async def ask() -> tuple[int, Any]:
            async with open_api(self.sandbox) as api:
                content = {} if body is None else {"json": body}
                reply = await api.client.request(method, path.format(project=api.path("")[:-1]), **content)
                assert reply.status_code < 500
                return reply.status_code, reply.json()

        return anyio.run(ask)

    @rule(count=st.integers(1, 3), kind=st.sampled_from(["video_remix", "slideshow_remix"]), fails=st.booleans())
    def order(self, count: int, kind: str, fails: bool) -> None:
        if fails:
            self.sandbox.faults.append(Fault(kind="job_failed"))
        status, answer = self.send("POST", "{project}/content", {"format": kind, "variantCount": count})
        self.sandbox.faults.clear()
        assert status == 202
        self.containers += answer["containerIds"]

    @rule(step=st.sampled_from([1, 20, 35, 3_600, 86_400]))
    def time_passes(self, step: int) -> None:
        self.clock.move(seconds=step)

    @precondition(lambda self: self.containers)
    @rule(place=places, decision=st.sampled_from(list(DECISIONS)))
    def decide(self, place: int, decision: str) -> None:
        container = self.containers[place % len(self.containers)]
        status, _ = self.send("POST", f"/v1/content/{container}/{decision}", DECISIONS[decision])
        assert status in (200, 409)

    @precondition(lambda self: self.containers)
    @rule(
        place=places,
        chosen=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(MODES)), min_size=1, max_size=3),
        delay=st.none() | st.sampled_from([-3_600, 0, 40, 7_200, 100_000]),
        expires=st.booleans(),
    )
    def publish(self, place: int, chosen: list[tuple[int, str]], delay: int | None, expires: bool) -> None:
        container = self.containers[place % len(self.containers)]
        _, rows = self.send("GET", "{project}/social-accounts")
        accounts = [row["socialAccountId"] for row in rows["items"]] + ["sa_unknown"]
        body: dict[str, Any] = {
            "targets": [{"socialAccountId": accounts[account], "mode": mode} for account, mode in chosen]
        }
        if delay is not None:
            body["scheduledFor"] = f"{self.clock.time + timedelta(seconds=delay):%Y-%m-%dT%H:%M:%SZ}"
        if expires:
            self.sandbox.faults.append(Fault(kind="login_expired", account="tiktok"))
        before = self.listed()
        status, answer = self.send(
            "POST", f"/v1/content/{container}/{'schedule' if delay is not None else 'publish'}", body
        )
        self.sandbox.faults.clear()
        if status == 202:
            assert len(set(answer["scheduledPostIds"])) == len(chosen)
            self.scheduled |= dict.fromkeys(answer["scheduledPostIds"], container)
        else:
            assert status in (403, 409, 422)
            assert self.listed() == before  # all or none

    @precondition(lambda self: self.scheduled)
    @rule(place=places, hours=st.integers(-1, 30))
    def reschedule(self, place: int, hours: int) -> None:
        post = list(self.scheduled)[place % len(self.scheduled)]
        at = f"{self.clock.time + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"
        status, answer = self.send("POST", f"/v1/scheduled-posts/{post}/reschedule", {"scheduledFor": at})
        assert status in (200, 409, 422)
        if status == 200:
            assert (answer["id"], answer["status"], answer["scheduledFor"]) == (post, "queued", at)

    @precondition(lambda self: self.scheduled)
    @rule(place=places)
    def cancel(self, place: int) -> None:
        post = list(self.scheduled)[place % len(self.scheduled)]
        status, answer = self.send("DELETE", f"/v1/scheduled-posts/{post}")
        assert status in (200, 409)
        assert answer["status"] == "canceled" if status == 200 else answer["error"]["details"]["status"] != "queued"

    @rule()
    def the_accounts_are_connected_again(self) -> None:
        self.sandbox.set_account_status(PROJECT, "tiktok", "connected")

    def listed(self) -> dict[str, dict[str, Any]]:
        """The schedule since the world began, by id."""
        found: dict[str, dict[str, Any]] = {}
        cursor = ""
        while True:
            _, page = self.send("GET", f"{{project}}/scheduled-posts?limit=100&since=2026-04-17T00:00:00Z{cursor}")
            found |= {row["id"]: row for row in page["items"]}
            if page["nextCursor"] is None:
                return {one: found[one] for one in found if one in self.scheduled} if self.scheduled else {}
            cursor = f"&cursor={page['nextCursor']}"

    @invariant()
    def the_schedule_holds_what_was_answered_and_what_is_over_stays_so(self) -> None:
        rows = self.listed()
        assert set(rows) == set(self.scheduled)
        for post, row in rows.items():
            assert row["containerId"] == self.scheduled[post]
            known = self.seen.get(post)
            if known is not None and known["status"] in FINAL:
                assert row == known
            due = datetime.fromisoformat(row["scheduledFor"])
            if row["status"] == "queued" and "gateStatus" not in row:
                assert due >= self.clock.time.replace(microsecond=0)
            if row["status"] == "published":
                assert due <= datetime.fromisoformat(row["attemptedAt"]) <= datetime.fromisoformat(row["publishedAt"])
            if row["status"] == "failed":
                assert row["lastError"]["code"] in ("CREDENTIAL_INVALID", "SCHEDULE_MISSED")
        self.seen = rows

    @invariant()
    def what_is_live_was_published_and_was_not_waiting_or_rejected(self) -> None:
        live = [truth for truth in self.sandbox.truth(PROJECT) if truth.platform_post_id not in self.before]
        published = sorted(row["containerId"] for row in self.seen.values() if row["status"] == "published")
        assert sorted(truth.container_id or "" for truth in live) == published
        for container in set(published):
            _, row = self.send("GET", f"/v1/content/{container}")
            assert (row["status"], row["approvalStatus"]) == ("completed", "approved")


TestPublishing = Publishing.TestCase
TestPublishing.settings = settings(max_examples=STEPS, stateful_step_count=20)
