"""`layers-mcp orders` tells what was ordered and published, and for one order, whether it was charged and when."""

from __future__ import annotations

import gc
import io
import json
import shutil
import sqlite3
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.app import open_context
from layers_mcp.cli import main
from layers_mcp.cli.orders import add_parser, show
from layers_mcp.config import Options, ServerConfig
from layers_mcp.operations.models import Operation
from layers_mcp.operations.state_machine import ClockWentBackwards, Observed, Released
from layers_mcp.operations.store.database import Database
from layers_mcp.operations.store.journal import Journal
from layers_mcp.operations.store.migrations import MIGRATIONS
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools._commission import Commission
from layers_mcp.tools.clone_post import clone_post
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.publish_content import publish_content
from layers_mcp.tools.rank_top_performers import rank_top_performers
from layers_mcp.tools.wait_job import wait_job
from tests.e2e.program import Program, environment
from tests.support import BASE_URL, LoopClock, open_tool_context
from tests.support.factories import GLOBEX, MORNING, accepted, clone, generate, later, rejected, start

OF_VERSION_0_1_0 = Path(__file__).parents[2] / "data" / "journal-0.1.0.db"

ORDER = "POST /v1/projects/:id/content"


def flags(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(["orders", *arguments])


class Shown:
    """What the command shows of the journal in one directory, asked with one key."""

    def __init__(self, state_dir: Path, capsys: pytest.CaptureFixture[str], key: str = "") -> None:
        self.environ = {"LAYERS_STATE_DIR": str(state_dir), "LAYERS_BASE_URL": BASE_URL, "LAYERS_API_KEY": key}
        self._capsys = capsys
        self.transport: httpx2.AsyncBaseTransport | None = None

    async def __call__(self, *arguments: str) -> str:
        stream = io.StringIO()
        code = await show(flags(*arguments), self.environ, transport=self.transport, stream=stream)
        assert (code, self._capsys.readouterr().err) == (0, "")
        return stream.getvalue()

    async def json(self, *arguments: str) -> list[dict[str, Any]]:
        return json.loads(await self(*arguments, "--json"))["orders"]

    async def complaint(self, *arguments: str) -> str:
        """The one line of a command that fails."""
        stream = io.StringIO()
        assert await show(flags(*arguments), self.environ, transport=self.transport, stream=stream) == 1
        assert stream.getvalue() == ""
        [line] = self._capsys.readouterr().err.splitlines()
        return line.removeprefix("layers-mcp orders: ")


def rows_of(text: str) -> list[list[str]]:
    """The lines of the table, by column."""
    lines = text.split("\n\n", maxsplit=1)[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip().split("  ") if cell] for line in lines]


# --- a world with a key


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


@pytest.fixture
def shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shown:
    return Shown(tmp_path, capsys)


@pytest.fixture
def world(clock: LoopClock, shown: Shown) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as sandbox:
        shown.transport = sandbox.transport()
        shown.environ["LAYERS_API_KEY"] = sandbox.api_key
        yield sandbox


@pytest.mark.jumping
async def test_orders_and_publications_are_listed_newest_first_with_what_they_can_cost(
    world: Sandbox, clock: LoopClock, shown: Shown, tmp_path: Path
) -> None:
    project = world.project_id("globex-fit")
    async with open_tool_context(world, tmp_path) as context:
        hook = await generate_with_hook(context, project_id=project, hook="Plan less.")
        clock.move(minutes=3)
        linked = await context.api.projects.social_accounts(project)
        accounts = tuple(one.social_account_id for one in linked if one.status == "connected")
        published = {"container_id": hook.container_ids[0], "social_account_ids": accounts}
        publication = await publish_content(context, **published, at="2026-04-18T09:00Z")
        clock.move(minutes=3)
        [best] = (await rank_top_performers(context, project_id=project, metric="views", limit=1)).items
        fork = await clone_post(
            context, project_id=project, source_platform_post_id=best.platform_post_id, variations=2
        )
        listed = rows_of(await shown())
        told = await shown(publication.publication_id)
    assert [row[2:] for row in listed] == [
        ["fork x2", "running", "240", project],
        [f"schedule x{len(accounts)}", "accepted", "-", project],
        ["hook", "running", "120", project],
    ]
    ids = [fork.commission_id, publication.publication_id, hook.commission_id]
    assert [order_id.startswith(row[1]) for row, order_id in zip(listed, ids, strict=True)] == [True] * 3
    assert "Was it posted? No post of it is out: Layers took this publication on, once." in told
    for post in publication.scheduled_posts:
        line = f"Layers' schedule: {post.scheduled_post_id} is queued on {post.platform}, 2026-04-18T09:00:00Z."
        assert line in told


@pytest.mark.jumping
async def test_an_order_by_a_title_is_shown_with_the_arguments_of_one_by_its_text(
    world: Sandbox, shown: Shown, tmp_path: Path
) -> None:
    project = world.project_id("acme-todo")
    async with open_tool_context(world, tmp_path) as context:
        [best] = (await rank_top_performers(context, project_id=project, metric="views", limit=1)).items
        call = {"project_id": project, "source_platform_post_id": best.platform_post_id}
        by_title = await generate_with_hook(context, **call)
        [first] = await shown.json(by_title.commission_id)
        by_text = await generate_with_hook(context, **call, hook=first["arguments"]["hook"], take=2)
    [second] = await shown.json(by_text.commission_id)
    assert first["arguments"] == second["arguments"]


@pytest.mark.jumping
@pytest.mark.parametrize(("accounts", "verdict"), [(1, "Yes, once."), (2, "Yes, once: 1 of its posts went out.")])
async def test_a_publication_that_went_out_unread_is_told_as_posted(
    world: Sandbox, clock: LoopClock, shown: Shown, tmp_path: Path, accounts: int, verdict: str
) -> None:
    project = world.project_id("globex-fit")
    async with open_tool_context(world, tmp_path) as context:
        hook = await generate_with_hook(context, project_id=project, hook="Plan less.")
        clock.move(minutes=3)
        linked = await context.api.projects.social_accounts(project)
        ids = tuple(one.social_account_id for one in linked if one.status == "connected")[:accounts]
        if accounts > 1:
            world.faults.append(Fault(endpoint="*", kind="login_expired", account=ids[-1]))
        publication = await publish_content(context, container_id=hook.container_ids[0], social_account_ids=ids)
        clock.move(minutes=5)
        told = await shown(publication.publication_id)
    assert f"Was it posted? {verdict}\n" in told


async def test_a_journal_without_orders_says_so(journal: Journal, shown: Shown) -> None:
    placed(journal, clone("pp_1"), "cnt_01HX")
    assert await shown("--tenant", "org_acme", "--unanswered") == "No orders.\n"


async def order_that_ended(world: Sandbox, clock: LoopClock, state_dir: Path) -> Commission:
    """An order whose job was seen to end."""
    async with open_tool_context(world, state_dir) as context:
        order = await generate_with_hook(context, project_id=world.project_id("acme-todo"), hook="Plan less.")
        clock.move(minutes=3)
        await wait_job(context, job_ids=(order.job_id,), timeout_seconds=0)
    return order


@pytest.mark.jumping
async def test_one_order_is_told_from_the_reservation_to_its_end_with_what_it_really_cost(
    world: Sandbox, clock: LoopClock, shown: Shown, tmp_path: Path
) -> None:
    order = await order_that_ended(world, clock, tmp_path)
    text = await shown(order.commission_id)
    assert "Were we charged? Yes, once, for up to 120 credits: Layers took it on." in text
    assert "Layers' ledger: 120 credits charged." in text
    happened = [line.split("  ", 2)[2] for line in text.split("What happened (UTC)\n")[1].splitlines()]
    assert happened == [
        "reserved: in the journal, up to 120 credits held; nothing was sent yet",
        "sent: attempt 1 left, up to 120 credits",
        f"answered: Layers took it on as {order.job_id}",
        "seen: completed",
    ]
    for name in (order.commission_id[:12], order.job_id, order.container_ids[0]):
        [told] = await shown.json(name)
        assert (told["order_id"], told["charged_credits"]) == (order.commission_id, 120)
        assert [each["event"] for each in told["events"]] == ["reserved", "sent", "answered", "seen"]


@pytest.mark.jumping
async def test_what_was_given_back_is_subtracted_from_what_was_charged(
    world: Sandbox, clock: LoopClock, shown: Shown, tmp_path: Path
) -> None:
    world.faults.append(Fault(endpoint="*", kind="job_failed"))
    order = await order_that_ended(world, clock, tmp_path)
    text = await shown(order.commission_id)
    assert "it failed, and what is given back is in Layers' ledger." in text
    assert "Layers' ledger: 120 credits charged, 120 given back: 0 in all." in text


@pytest.mark.jumping
async def test_a_lost_answer_is_told_as_unknown_until_the_same_call_settles_it(
    world: Sandbox, shown: Shown, tmp_path: Path
) -> None:
    order = {"project_id": world.project_id("acme-todo"), "hook": "Plan less."}
    world.faults.append(Fault(endpoint=ORDER, kind="drop_after"))
    async with open_tool_context(world, tmp_path) as context:
        with pytest.raises(LayersError, match="UNREACHABLE"):
            await generate_with_hook(context, **order)
        [lost] = await shown.json("--unanswered")
        assert lost["status"] == "unanswered"
        assert "Were we charged? Unknown: it was sent and no answer is known (UNREACHABLE)." in await shown(
            lost["order_id"]
        )
        world.faults.clear()
        await generate_with_hook(context, **order)
    assert await shown.json("--unanswered") == []
    [told] = await shown.json(lost["order_id"])
    assert [each["event"] for each in told["events"]] == ["reserved", "sent", "unanswered", "sent", "answered"]
    assert (told["charged_credits"], world.ledger()[-1].credits) == (120, -120)


@pytest.mark.jumping
async def test_what_layers_refused_was_not_charged(world: Sandbox, shown: Shown, tmp_path: Path) -> None:
    world.faults.append(Fault(endpoint=ORDER, kind="status", status=402, code="BILLING_EXHAUSTED"))
    async with open_tool_context(world, tmp_path) as context:
        with pytest.raises(LayersError, match="BILLING_EXHAUSTED"):
            await generate_with_hook(context, project_id=world.project_id("acme-todo"), hook="Plan less.")
    [listed] = rows_of(await shown())
    assert listed[3:5] == ["refused", "0"]
    [order] = await shown.json()
    text = await shown(order["order_id"])
    assert "Were we charged? No: it certainly had no effect (BILLING_EXHAUSTED)." in text
    assert "Layers' ledger names none of its content." in text


@pytest.mark.jumping
async def test_what_was_found_upstream_is_told_as_adopted(
    world: Sandbox, clock: LoopClock, shown: Shown, tmp_path: Path
) -> None:
    order = {"project_id": world.project_id("acme-todo"), "hook": "Plan less."}
    world.faults.append(Fault(endpoint=ORDER, kind="drop_after"))
    async with open_tool_context(world, tmp_path) as context:
        with pytest.raises(LayersError, match="UNREACHABLE"):
            await generate_with_hook(context, **order)
        world.faults.clear()
        clock.move(hours=25)
        found = await generate_with_hook(context, **order)
    text = await shown(found.commission_id)
    assert f"found at Layers though the answer was lost: adopted with {found.container_ids[0]}" in text


@pytest.mark.jumping
async def test_the_ledger_is_left_out_where_layers_cannot_be_asked_and_the_journal_still_answers(
    world: Sandbox, shown: Shown, tmp_path: Path
) -> None:
    async with open_tool_context(world, tmp_path) as context:
        order = await generate_with_hook(context, project_id=world.project_id("acme-todo"), hook="Plan less.")
    world.faults.append(Fault(endpoint="GET /v1/credits/events", kind="status", status=500))
    assert "ledger" not in await shown(order.commission_id)
    world.faults.append(Fault(endpoint="*", kind="drop_before"))
    alone = await shown(order.commission_id)
    assert "Were we charged? Yes, once" in alone
    assert "what this key itself ordered is shown" in alone


@pytest.mark.jumping
async def test_a_key_that_layers_refuses_sees_nothing(world: Sandbox, shown: Shown, tmp_path: Path) -> None:
    async with open_tool_context(world, tmp_path) as context:
        await generate_with_hook(context, project_id=world.project_id("acme-todo"), hook="Plan less.")
    shown.environ["LAYERS_API_KEY"] = "lp_live_wrong_key"
    complaint = await shown.complaint()
    assert complaint.startswith("UNAUTHENTICATED (401)")
    assert "wrong_key" not in complaint


# --- a journal without a key


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(Database("", tmp_path / "orders.db"))
    yield journal
    journal.close()


def placed(journal: Journal, row: Operation, *container_ids: str, job_id: str = "job_1") -> Operation:
    [reserved] = journal.reserve([row], None, row.ordered_at)
    sent = journal.record(reserved, start(reserved), row.ordered_at)
    return journal.record(sent, accepted(*container_ids, job_id=job_id), row.ordered_at)


async def test_without_a_key_nobodys_orders_are_shown_until_a_tenant_is_named(journal: Journal, shown: Shown) -> None:
    ours = placed(journal, clone("pp_1"), "cnt_01HX")
    theirs = placed(journal, generate("Secret plan.", tenant=GLOBEX), job_id="job_2")
    assert (await shown.complaint()).startswith("whose orders to show is not known: set LAYERS_API_KEY")
    [told] = await shown.json("--tenant", "org_acme")
    assert (told["order_id"], told["organization"]) == (ours.commission_id, "org_acme")
    assert await shown.complaint("--tenant", "org_acme", theirs.commission_id) == (
        "no order or publication of this tenant has that id"
    )
    assert (await shown.complaint("--tenant", "org_acme", "HX")).startswith("no order or publication")
    assert await shown.complaint("--tenant", "org_other") == "the journal holds nothing of that organization"
    everyone = await shown("--all-tenants")
    assert {row[5] for row in rows_of(everyone)} == {"org_acme", "org_globex"}
    assert "Secret plan." in await shown("--all-tenants", theirs.commission_id)


async def test_the_list_can_be_narrowed_to_a_project_a_time_and_the_newest(journal: Journal, shown: Shown) -> None:
    for day in range(3):
        placed(journal, clone(f"pp_{day}", project=f"prj_{day}", now=later(days=day)), job_id=f"job_{day}")
    asked = ("--tenant", "org_acme")

    async def days(*more: str) -> list[str]:
        return [order["project_id"] for order in await shown.json(*asked, *more)]

    assert await days() == ["prj_2", "prj_1", "prj_0"]
    assert await days("--project", "prj_1") == ["prj_1"]
    assert await days("--since", "2026-04-18") == ["prj_2", "prj_1"]
    assert await days("--limit", "2") == ["prj_2", "prj_1"]
    assert "The newest 2 are shown" in await shown(*asked, "--limit", "2")
    assert "No orders." in await shown(*asked, "--project", "prj_9")


async def test_an_order_in_pieces_is_told_as_one_with_what_is_missing(journal: Journal, shown: Shown) -> None:
    rows = [
        replace(
            generate("Plan less.", variations=3), piece=piece, entry=f"e{piece}", variations=1, estimated_credits=50
        )
        for piece in (1, 2, 3)
    ]
    first, second, third = journal.reserve(rows, None, MORNING)
    journal.record(journal.record(first, start(first), MORNING), accepted("cnt_1", job_id="job_1"), MORNING)
    journal.record(second, start(second), MORNING)
    journal.record(third, Released(lease="r"), MORNING)
    [listed] = rows_of(await shown("--tenant", "org_acme"))
    assert listed[2:5] == ["hook x3", "running 1/3", "100"]
    assert [each["status"] for each in await shown.json("--tenant", "org_acme", "--unanswered")] == ["running"]
    text = await shown("--tenant", "org_acme", "job_1")
    assert "Yes, for 1 of 3 pieces so far; the same call again orders the rest." in text
    assert "piece 3: withdrawn: it was not sent after all" in text


@pytest.mark.parametrize(
    ("leave", "standing", "verdict"),
    [
        (lambda journal, row: row, "not sent", "No: it is in the journal and was never sent."),
        (
            lambda journal, row: journal.record(row, Released(lease="r"), MORNING),
            "not sent",
            "No: it is in the journal and was never sent.",
        ),
        (
            lambda journal, row: journal.record(
                journal.record(journal.record(row, start(row), MORNING), accepted(), MORNING),
                Observed(status="canceled"),
                MORNING,
            ),
            "canceled",
            "Yes, once, for up to 120 credits; it was canceled, and what is given back is in Layers' ledger.",
        ),
        (
            lambda journal, row: journal.record(
                journal.record(row, start(row), MORNING), ClockWentBackwards(), MORNING
            ),
            "unanswered",
            "Unknown: it was sent and no answer is known.",
        ),
        (
            lambda journal, row: journal.record(journal.record(row, start(row), MORNING), rejected(), MORNING),
            "refused",
            "No: it certainly had no effect (BILLING_EXHAUSTED).",
        ),
    ],
)
async def test_every_end_of_an_order_answers_whether_it_was_charged(
    leave: Callable[[Journal, Operation], Operation], standing: str, verdict: str, journal: Journal, shown: Shown
) -> None:
    [row] = journal.reserve([clone("pp_1")], None, MORNING)
    leave(journal, row)
    [listed] = rows_of(await shown("--tenant", "org_acme"))
    assert listed[3] == standing
    assert f"Were we charged? {verdict}" in await shown("--tenant", "org_acme", row.commission_id)


async def test_nothing_hostile_and_no_secret_reaches_the_terminal(journal: Journal, shown: Shown) -> None:
    hostile = "\x1b]0;owned\x07Plan \x1b[2Jless \u202e lp_live_id_s3cr3t"
    row = placed(journal, generate(hostile), "cnt_1\x1b[2J", job_id="job\x1b[31m")
    for text in (
        await shown("--tenant", "org_acme", row.commission_id),
        await shown("--tenant", "org_acme", row.commission_id, "--json"),
        await shown("--tenant", "org_acme"),
    ):
        assert not set("\x1b\x07\u202e") & set(text)
        assert "s3cr3t" not in text


async def test_where_nothing_was_ever_ordered_it_says_so_and_makes_no_file(tmp_path: Path, shown: Shown) -> None:
    assert await shown() == f"Nothing was ordered yet: there is no journal in {tmp_path}.\n"
    assert await shown.json() == []
    assert list(tmp_path.iterdir()) == []


async def test_orders_of_a_version_that_kept_no_events_are_told_by_their_rows(tmp_path: Path, shown: Shown) -> None:
    shutil.copy(OF_VERSION_0_1_0, tmp_path / "orders.db")
    told = {
        order["status"]: await shown("--tenant", "org_acme", order["order_id"])
        for order in await shown.json("--tenant", "org_acme")
    }
    assert told.keys() == {"running", "completed", "failed", "unanswered", "refused"}
    assert all("What happened (UTC)\n  2026-" in text for text in told.values())
    assert "seen: completed" in told["completed"]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (f"UPDATE journal_version SET version = {len(MIGRATIONS) + 1}", "it was written by a later version"),
        ("DROP TABLE order_events", "a migration of it was cut off"),
    ],
)
async def test_a_journal_that_is_not_of_one_known_version_is_one_line_and_is_left_as_it_is(
    statement: str, reason: str, journal: Journal, tmp_path: Path, shown: Shown
) -> None:
    placed(journal, clone("pp_1"))
    journal.close()
    with closing(sqlite3.connect(tmp_path / "orders.db", isolation_level=None)) as connection:
        connection.execute(statement)
    before = (tmp_path / "orders.db").read_bytes()
    complaint = await shown.complaint("--all-tenants")
    assert complaint.startswith("the journal cannot be read: ")
    assert reason in complaint
    assert (tmp_path / "orders.db").read_bytes() == before


async def test_a_damaged_row_is_left_out_and_said_so(journal: Journal, tmp_path: Path, shown: Shown) -> None:
    placed(journal, clone("pp_1"))
    placed(journal, clone("pp_2"), job_id="job_2")
    with closing(sqlite3.connect(tmp_path / "orders.db")) as connection, connection:
        connection.execute("UPDATE orders SET status = 'dancing' WHERE job_id = 'job_2'")
    text = await shown("--tenant", "org_acme")
    assert len(rows_of(text)) == 1
    assert "could not be read whole: 1 of its rows cannot be understood." in text


async def test_the_journal_is_read_while_another_process_writes_it(
    journal: Journal, tmp_path: Path, shown: Shown
) -> None:
    placed(journal, clone("pp_1"))
    with closing(sqlite3.connect(tmp_path / "orders.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert len(await shown.json("--tenant", "org_acme")) == 1


# --- the program


@pytest.mark.parametrize(
    "arguments", [["com_"], ["--since=soon"], ["--limit=0"], ["--tenant=a", "--all-tenants"], ["--limit", "many"]]
)
def test_bad_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["orders", *arguments])
    gc.enable()
    captured = capsys.readouterr()
    assert (left.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)


async def test_an_age_goes_by_the_clock_of_the_sandboxs_world(tmp_path: Path, shown: Shown) -> None:
    config = ServerConfig.load(Options({"state_dir": str(tmp_path), "sandbox": True}, {}))
    async with open_context(config) as context:
        project = (await context.api.projects.list()).items[0].id
        await generate_with_hook(context, project_id=project, hook="Plan less.")
    with Sandbox(path=config.world_path) as world:
        world.advance(timedelta(days=14))
    assert await shown.json("--sandbox", "--since", "7d") == []
    assert len(await shown.json("--sandbox", "--since", "21d")) == 1


@pytest.mark.subprocess
def test_the_program_tells_of_the_sandboxs_orders_while_a_server_holds_its_journal(tmp_path: Path) -> None:
    env = environment(tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "layers_mcp", "orders", "--sandbox", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, encoding="utf-8", timeout=60)

    assert run().stdout.startswith("Nothing was ordered yet")
    with Program("--sandbox", env=env) as server:
        server.handshake()
        projects = server.call(1, "list_projects")["structuredContent"]["projects"]
        order = server.call(2, "generate_with_hook", project_id=projects[0]["project_id"], hook="Plan less.")
        listed = run("--json")
        told = run(order["structuredContent"]["commission_id"])
    assert [each["order_id"] for each in json.loads(listed.stdout)["orders"]] == [
        order["structuredContent"]["commission_id"]
    ]
    assert "Were we charged? Yes, once" in told.stdout
    assert (told.returncode, told.stderr) == (0, "")
