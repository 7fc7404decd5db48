"""The customers of the sandbox at their start: what they have posted, and what of it turned out well.

Each line is a post: its hook, the hook's true engagement rate, how many views it will get in all, where it stands, how
many days old it is, and who made it. `seen` holds what its engagement rate must look like at the start (its noise is
drawn again until it does), so that each project shows the state it is there for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AGENCY = "org_01HX9Y7K8M0AGENCY00SANDB0X"
SUBSIDIARY = "org_01HX9Y7K8M0SVBS1D1ARY00000"
STRANGER = "org_01HX9Y7K8M0STRANGER0000000"
ACME_ID = "prj_01HX9Y7K8M2P4RSTUV56789AB"  # the guide's
FIXED_IDS = (AGENCY, SUBSIDIARY, STRANGER, ACME_ID)

GUIDE_HOOK = "Get things done. Faster than your to-do list app did yesterday."


@dataclass(frozen=True)
class SeedPost:
    """A post that is live when the world begins."""

    hook: str
    rate: float
    reach: float
    platform: Literal["tiktok", "instagram"]
    days_old: float
    made_by: Literal["customer", "layers"] = "customer"
    seen: tuple[float, float] = (0.0, 0.062)
    watch_seconds: float = 0.0
    promoted_days: float = 0.0


@dataclass(frozen=True)
class SeedInfluencer:
    """Who can speak for a customer; `accounts` are the platforms whose account it is wired to."""

    name: str
    status: Literal["pending", "training", "ready", "failed"]
    gender: str
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeedApp:
    """What a customer has told about its app; `demo` is whether it has uploaded a clip of it."""

    name: str
    description: str
    demo: bool
    influencers: tuple[SeedInfluencer, ...]


APPS = {
    # One influencer that can be used, wired to one of the two accounts, and one that is still in training.
    "acme-todo": SeedApp(
        "Acme Todo",
        "A to-do list for people who have given up on to-do lists: it plans the day in two minutes, hides what can wait"
        " and never nags. On phones and on the web, alone or with a team.",
        demo=True,
        influencers=(
            SeedInfluencer("Maya", "ready", "female", ("tiktok",)),
            SeedInfluencer("Theo", "training", "male"),
        ),
    ),
    "globex-fit": SeedApp(
        "Globex Fit",
        "Workouts of eleven minutes for people without a gym: a coach on the phone counts along, adapts to sore days"
        " and keeps a streak that forgives a missed one.",
        demo=True,
        influencers=(
            SeedInfluencer("Ana", "ready", "female", ("tiktok", "instagram")),
            SeedInfluencer("Kofi", "ready", "male"),
            SeedInfluencer("Lena", "failed", "female"),
        ),
    ),
    # No clip of the app yet: a UGC remix has nothing to show.
    "initech-notes": SeedApp(
        "Initech Notes",
        "Notes that find themselves again: write or speak, and search by what you meant. For meetings, lectures and the"
        " middle of the night, in sync on every device.",
        demo=False,
        influencers=(SeedInfluencer("Sam", "ready", "non_binary", ("tiktok", "instagram")),),
    ),
}
"""By project; one that is not here has told nothing yet."""


T, I = "tiktok", "instagram"  # noqa: E741
L = "layers"

ACME_TODO = (
    # The guide's best post, and a second breakout on too few views to be sure of.
    SeedPost(GUIDE_HOOK, 0.082, 14_826, T, 18.3, seen=(0.0805, 0.0835), watch_seconds=4.143, promoted_days=6),
    SeedPost("Your brain is not a to-do list. Stop using it as one.", 0.078, 430, I, 12.6, seen=(0.074, 0.080)),
    # Many views, little interest: what a ranking by views puts first.
    SeedPost("POV: it is Monday and your list already won", 0.021, 21_400, T, 16.1),
    SeedPost("3 apps every student needs (number 2 is free)", 0.026, 9_800, I, 21.7),
    SeedPost("Wait for the desk reveal", 0.019, 6_350, T, 9.4),
    SeedPost("I planned my whole week in four minutes", 0.047, 3_900, T, 14.8),
    SeedPost("The two-minute rule, but for people who hate rules", 0.044, 2_750, I, 11.2),
    SeedPost("What your unread emails say about you", 0.036, 2_480, T, 19.5, L),
    SeedPost("Stop writing lists you never read", 0.043, 1_920, T, 7.3, L),
    SeedPost("How a nurse plans three night shifts", 0.040, 1_640, I, 23.9),
    SeedPost("Your calendar is lying to you", 0.038, 1_510, I, 5.6, L),
    SeedPost("I tried time blocking for 7 days", 0.033, 1_380, T, 25.2),
    SeedPost("One list. One day. That's it.", 0.035, 1_190, I, 8.8),
    SeedPost("Things I stopped doing to get more done", 0.034, 1_050, T, 17.4, L),
    SeedPost("Tidy desk, tidy mind? Let's test it", 0.028, 940, I, 20.6),
    SeedPost("A to-do list for people with 40 tabs open", 0.037, 810, T, 4.7, L),
    SeedPost("Rate my morning routine", 0.023, 690, I, 22.3),
    SeedPost("Sunday reset with me", 0.027, 560, I, 13.5),
    SeedPost("Behind the scenes: how we ship on Fridays", 0.016, 385, I, 24.6),
    # Hardly seen: noise, one of which looks like the best of all.
    SeedPost("Procrastination has a shape. Here it is.", 0.034, 17.5, T, 10.3, seen=(0.10, 0.30)),
    SeedPost("Our new icon, explained", 0.018, 9.5, I, 15.7, seen=(0.0, 1.0)),
    SeedPost("Friday wins from our community", 0.030, 32.5, I, 6.5, seen=(0.0, 1.0)),
    SeedPost("Tiny tip: archive, don't delete", 0.025, 44.5, T, 2.1, seen=(0.0, 1.0)),
)

GLOBEX_FIT = (
    SeedPost("You don't need a gym. You need eleven minutes.", 0.094, 38_400, T, 21.4, L, (0.092, 0.096), 0, 16),
    SeedPost("I ran every day for a month and hated 29 of them", 0.084, 5_200, T, 9.8, L, (0.081, 0.088), 0, 7),
    SeedPost("What your knees wish you knew", 0.049, 16_700, I, 24.3, L, promoted_days=19),
    SeedPost("3 stretches you can do in a meeting", 0.046, 12_300, T, 18.9, L, promoted_days=14),
    SeedPost("Leg day, but make it short", 0.041, 9_400, I, 26.1, L, promoted_days=20),
    SeedPost("The laziest warm-up that still works", 0.039, 7_700, T, 13.2, L, promoted_days=9),
    SeedPost("Cardio for people who hate cardio", 0.044, 6_850, T, 6.4, L),
    SeedPost("Why you're sore on day two", 0.037, 31_000, T, 23.5),
    SeedPost("My coach said stop. I didn't.", 0.031, 22_500, I, 16.6),
    SeedPost("Watch this before you buy dumbbells", 0.026, 11_900, T, 19.7),
    SeedPost("Protein, explained with coins", 0.036, 5_600, I, 11.9, L),
    SeedPost("A push-up for every week of the year", 0.034, 4_900, T, 14.5, L),
    SeedPost("10k steps without leaving the house", 0.038, 4_250, I, 8.3, L),
    SeedPost("The stretch everyone skips", 0.042, 3_800, T, 4.6, L),
    SeedPost("Trainers react: your form checks", 0.029, 3_300, I, 22.2),
    SeedPost("What I eat on rest days", 0.024, 2_900, I, 17.8),
    SeedPost("From couch to stairs", 0.033, 2_350, T, 12.7, L),
    SeedPost("Fitness myths, round four", 0.028, 1_980, T, 20.9),
    SeedPost("One minute of balance", 0.035, 1_640, I, 5.5, L),
    SeedPost("Gym bag tour", 0.018, 1_120, I, 25.4),
    SeedPost("Sleep is a workout", 0.032, 890, T, 3.2, L),
    SeedPost("Meet the team: Ana", 0.020, 41.5, I, 10.7, seen=(0.0, 1.0)),
    SeedPost("Saturday class, full recording", 0.027, 26.5, I, 15.3, seen=(0.0, 1.0)),
)

PINNED = "Leg day, but make it short"
EXCLUDED = "Fitness myths, round four"
MANUAL_AD = "New year, same you, better plan (studio spot)"
