"""Chance that repeats: random streams and ids that depend on the world's seed and on what was asked, nothing else."""

from __future__ import annotations

import hashlib
import math
import random

ULID_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def generator(*parts: object) -> random.Random:
    """Return a random generator of its own for each name, so that one draw never shifts another."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - a simulation, no secret


def base32(number: int, length: int) -> str:
    """Return a number in Crockford's base 32."""
    return "".join(ULID_DIGITS[number >> 5 * place & 31] for place in reversed(range(length)))


def ulid(moment: float, *parts: object) -> str:
    """Return an id in the form of a ULID: the moment (seconds since 1970) in front, then what the parts hash to."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return base32(int(moment * 1000), 10) + base32(int.from_bytes(digest[:10], "big"), 16)


def lognormal_mean_one(chance: random.Random, spread: float) -> float:
    """Return a factor with the mean 1: lognormal, `spread` being the standard deviation of its logarithm."""
    return math.exp(chance.gauss(-spread * spread / 2, spread))


def lognormal(chance: random.Random, median: float, spread: float) -> float:
    """Return a positive number with this median: lognormal."""
    return median * math.exp(chance.gauss(0.0, spread))


def binomial(chance: random.Random, trials: int, rate: float) -> int:
    """Return how many of `trials` succeed: exact for few, by the normal approximation for many."""
    if trials <= 64:
        return sum(chance.random() < rate for _ in range(trials))
    mean = trials * rate
    return min(trials, max(0, round(chance.gauss(mean, math.sqrt(mean * (1 - rate))))))
