"""A world in a file: it survives, and several processes live in it at once."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from layers_mcp.sandbox import Sandbox, WorldFileError
from tests.integration.sandbox.conftest import Api, HandClock, charges, open_api

ORDER = """
import json, sys, anyio, httpx2
from pathlib import Path
from layers_mcp.sandbox import Sandbox

async def main(path, count, key):
    with Sandbox(path=Path(path)) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        async with httpx2.AsyncClient(
            transport=sandbox.transport(), base_url="https://api.layers.test", headers=headers
        ) as client:
            found = []
            for number in range(count):
                reply = await client.post(
                    f"/v1/projects/{sandbox.project_id('acme-todo')}/content",
                    json={"format": "video_remix"},
                    headers={"Idempotency-Key": f"{key}{number}"},
                )
                found.append(reply.json()["jobId"])
        print(json.dumps(found))

anyio.run(main, sys.argv[1], int(sys.argv[2]), sys.argv[3])
"""


def start(path: Path, count: int, key: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", ORDER, str(path), str(count), key]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def jobs(process: "subprocess.Popen[str]") -> list[str]:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(output)


async def test_a_world_survives_a_restart(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "deep" / "world.db"
    with Sandbox(path=path, clock=clock, seed=5) as sandbox:
        async with open_api(sandbox) as api:
            job = (await api.clone()).json()
            before = await api.ranking()
        key = sandbox.api_key
    clock.move(seconds=30)
    with Sandbox(path=path, clock=clock) as sandbox:
        assert sandbox.api_key == key
        async with open_api(sandbox) as api:
            assert (await api.json("GET", job["locationUrl"]))["status"] == "completed"
            assert await api.ranking() == before
        assert charges(sandbox) == [-120]


@pytest.mark.subprocess
def test_processes_that_create_one_world_at_once_meet_in_it(tmp_path: Path) -> None:
    path = tmp_path / "world.db"
    running = [start(path, 5, key) for key in ("a", "b", "same", "same")]
    a, b, same, again = [jobs(process) for process in running]
    assert same == again
    assert len({*a, *b, *same}) == 15
    with Sandbox(path=path) as sandbox:
        assert len([one for one in charges(sandbox) if one < 0]) == 15


def test_the_clock_is_moved_for_every_process(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "world.db"
    with Sandbox(path=path, clock=clock) as one, Sandbox(path=path, clock=clock) as other:
        one.advance(timedelta(days=14))
        assert other.now() == clock.time + timedelta(days=14)


async def test_a_world_begun_again_is_met_by_those_who_are_in_it(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "world.db"
    with Sandbox(path=path, clock=clock) as one, Sandbox(path=path, clock=clock) as other:
        async with open_api(one) as api:
            await api.clone()
            other.advance(timedelta(days=60))
            assert await api.ranking() == []
            clock.move(hours=1)
            other.reset()
            assert one.now() == clock.time
            assert charges(one) == []
            rows = await api.ranking()
            assert len(rows) == 23
            with Sandbox(clock=clock) as fresh:
                async with open_api(fresh) as unused:
                    assert await unused.ranking() == rows


async def test_nothing_of_the_old_world_is_left_in_the_new_one(clock: HandClock) -> None:
    async def after(api: Api, hook: str) -> list[dict[str, Any]]:
        await api.generate("globex-fit", variantCount=5, brief={"hook": hook})
        api.sandbox.advance(timedelta(seconds=20))
        api.sandbox.publish_finished("globex-fit")
        api.sandbox.advance(timedelta(days=2))
        return await api.ranking("globex-fit", sourceType="content_container")

    with Sandbox(clock=clock) as used, Sandbox(clock=clock) as fresh:
        async with open_api(used) as api, open_api(fresh) as other:
            await after(api, "In the old world")
            used.reset()
            assert await after(api, "In the new one") == await after(other, "In the new one")


def test_a_file_that_is_no_world_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.db"
    text.write_text("my notes " * 500)
    with pytest.raises(WorldFileError):
        Sandbox(path=text)
    assert text.read_text() == "my notes " * 500
    for statement in ("PRAGMA user_version = 99", "CREATE TABLE mine (x)"):
        path = tmp_path / f"{len(statement)}.db"
        with closing(sqlite3.connect(path)) as db:
            db.execute(statement)
        with pytest.raises(WorldFileError):
            Sandbox(path=path)


def test_a_world_that_lies_in_an_impossible_place_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Sandbox(path=tmp_path / "file" / "world.db")
    with pytest.raises(OSError, match="cannot be used"):
        Sandbox(path=tmp_path)


PUBLISH = """
import sys, anyio, httpx2
from datetime import timedelta
from pathlib import Path
from layers_mcp.sandbox import Sandbox

async def main(path, post):
    with Sandbox(path=Path(path)) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        async with httpx2.AsyncClient(
            transport=sandbox.transport(), base_url="https://api.layers.test", headers=headers
        ) as client:
            print((await client.get(f"/v1/scheduled-posts/{post}")).json()["status"])

anyio.run(main, sys.argv[1], sys.argv[2])
"""


def look_at_once(path: Path, post: str) -> list[str]:
    """What two processes read that look at the scheduled post at the same time."""
    command = [sys.executable, "-c", PUBLISH, str(path), post]
    looking = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return [process.communicate(timeout=60)[0].strip() for process in looking]


@pytest.mark.subprocess
async def test_a_scheduled_post_survives_and_goes_out_once_whoever_looks_first(tmp_path: Path) -> None:
    path = tmp_path / "world.db"
    with Sandbox(path=path) as sandbox:
        async with open_api(sandbox) as api:
            container = (await api.generate("globex-fit", format="video_remix")).json()["containerId"]
        sandbox.advance(timedelta(seconds=20))
        [post] = sandbox.publish_finished("globex-fit")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE world SET offset = offset + 86400")  # a day passes and nobody looks
    assert look_at_once(path, post) == ["published"] * 2
    with Sandbox(path=path, vintage="current") as sandbox:
        assert [truth.container_id for truth in sandbox.truth("globex-fit")].count(container) == 1
        async with open_api(sandbox) as api:
            assert (await api.json("GET", f"/v1/scheduled-posts/{post}"))["status"] == "published"


async def test_two_sandboxes_that_meet_a_due_post_at_once_publish_it_once(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "world.db"
    with Sandbox(path=path, clock=clock) as one, Sandbox(path=path, clock=clock, vintage="both") as other:
        async with open_api(one) as api, open_api(other) as twin:
            container = (await api.generate("globex-fit", format="video_remix")).json()["containerId"]
            clock.move(seconds=20)
            [post] = one.publish_finished("globex-fit")
            clock.move(minutes=2)
            for client in (api, twin, api):
                assert (await client.json("GET", f"/v1/scheduled-posts/{post}"))["status"] == "published"
        assert [truth.container_id for truth in other.truth("globex-fit")].count(container) == 1
