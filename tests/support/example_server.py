"""A small server of another trade, to try the protocol layer without Layers: a garden."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import anyio
from mcp.server.lowlevel import Server
from pydantic import Field

from layers_mcp.protocol import DESTRUCTIVE, READ, WRITE, Progress, Result, ToolError, tool
from layers_mcp.protocol.catalog import Catalog
from layers_mcp.protocol.handlers import Handlers
from layers_mcp.protocol.request import ClientRequest
from layers_mcp.protocol.texts import Prompt, Resource, parse_prompt, parse_resource
from layers_mcp.protocol.tool import ToolSpec

Colour = Literal["red", "white", "yellow"]


@dataclass
class Garden:
    """What this server's lifespan opens."""

    planted: list[str] = field(default_factory=list[str])
    open: bool = True
    abandoned: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class GardenContext:
    """What this server's tools are handed: the garden, and the call's progress."""

    garden: Garden
    progress: Progress


class Blight(Exception):  # noqa: N818
    """An error of the garden's own world, which the server translates."""


class Flower(Result):
    """A row."""

    name: str
    colour: Colour
    height_cm: int | None = None
    scents: tuple[str, ...] = ()
    range_cm: tuple[float, float] | None = None


class Bed(Result):
    """The docstring of a model is for readers of the code."""

    flowers: tuple[Flower, ...] = Field(description="What grows here.")
    notes: tuple[str, ...] = ()
    next_cursor: str | None = None
    counts: dict[str, int | str] = Field(default_factory=dict)


class Planted(Result):
    name: str


@tool(title="Look at flowers", kind=READ)
async def look(
    context: GardenContext,
    colour: Annotated[Colour, Field(description="Trees: climb.")],
    tallest: Annotated[int, Field(description="Height in cm.", ge=1, le=300)] = 100,
    sun: Annotated[float, Field(description="Share of the day in the sun.", ge=0, le=1)] = 0.5,
    kinds: Annotated[tuple[Literal["rose", "tulip"], ...], Field(description="Kinds.", max_length=2)] = (),
    name: Annotated[str, Field(description="A name.", max_length=20)] = "",
    deep: Annotated[bool, Field(description="Look closely.")] = False,
) -> Bed:
    """Look at the flowers of a bed.

    A second paragraph,
    on two lines.
    """
    flowers = (
        Flower(name=name or "rose", colour=colour, height_cm=tallest, range_cm=(1, 2.5)),
        Flower(name="plain", colour="white", scents=("sweet",)),
    )
    return Bed(flowers=() if deep else flowers, counts={"kinds": len(kinds), "sun": str(sun)})


@tool(title="Plant", kind=WRITE, effect="it was planted")
async def plant(context: GardenContext, name: Annotated[str, Field(description="What to plant.")]) -> Planted:
    """Plant a flower, slowly."""
    await context.progress(1, 2, "digging")
    await context.progress(2, 2, "planted")
    context.garden.planted.append(name)
    return Planted(name=name)


@tool(title="Fail", kind=DESTRUCTIVE, effect="it took effect")
async def fail(
    context: GardenContext,
    how: Annotated[Literal["words", "blight", "group", "bug", "hang"], Field(description="How.")],
) -> Planted:
    """Fail in one of several ways."""
    match how:
        case "words":
            raise ToolError("WILTED", "It wilted", status=410, next_step="Plant anew.", request_id="req_1")
        case "blight":
            raise Blight
        case "group":
            async with anyio.create_task_group() as group:
                group.start_soon(_blighted)
                await anyio.sleep_forever()
        case "hang":
            try:
                await anyio.sleep_forever()
            finally:
                context.garden.abandoned.append(how)
        case "bug":
            raise RuntimeError("secret lp_test_key_of_the_garden")
    return Planted(name="never")


async def _blighted() -> None:
    raise Blight


@tool(title="Count", kind=READ)
async def count(context: GardenContext) -> Planted:
    """Count the flowers: a tool without arguments."""
    return Planted(name=str(len(context.garden.planted)))


WALK = """---
title: Walk
description: A walk through the garden.
argument bed: Which bed.
argument pace: How fast.
default pace: at ease
---
Walk along {bed} {pace}, and mind the {braces}.
"""

GUIDE = "---\ntitle: Guide\ndescription: What grows.\n---\n# Roses\n"


def map_error(error: Exception, tool: ToolSpec) -> ToolError | None:
    return ToolError("BLIGHT", f"{tool.name} met a blight") if isinstance(error, Blight) else None


async def complete(context: GardenContext, argument: str, typed: str) -> Sequence[str]:
    if typed == "hang":
        await anyio.sleep_forever()
    if typed == "bug":
        raise RuntimeError("bug")
    return [f"bed {number}" for number in range(150)] if argument == "bed" else ["slow"]


def prompts() -> Sequence[Prompt]:
    return [parse_prompt("walk", WALK)]


def resources() -> Sequence[Resource]:
    return [parse_resource("garden://guide", "guide", GUIDE)]


@asynccontextmanager
async def resolve(request: ClientRequest) -> AsyncGenerator[GardenContext]:
    yield GardenContext(request.lifespan, request.progress)


def garden_server(garden: Garden | None = None, **options: Any) -> Server[Any]:
    """The server, on a garden that the test may keep."""

    @asynccontextmanager
    async def lifespan(_: Server[Any]) -> AsyncGenerator[Garden]:
        world = garden or Garden()
        yield world
        world.open = False

    handlers = Handlers(
        Catalog.of(look, plant, fail, count),
        resolve=resolve,
        prompts=prompts,
        resources=resources,
        map_error=map_error,
        complete=complete,
        **options,
    )
    return handlers.server("garden", version="1", title="Garden", instructions="Look first.", lifespan=lifespan)
