from typing import Any

import httpx2

from tests.support.upstream import NOW, Reply, Upstream, pairs_of, query_of, refused
from tests.support.upstream import ok as answer

__all__ = ["NOW", "Reply", "Upstream", "answer", "pairs_of", "query_of", "refusal"]


def refusal(status: int, code: str, message: str = "No.", **details: Any) -> httpx2.Response:
    return refused(status, code, message, details)
