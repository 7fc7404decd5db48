import httpx2

from tests.support.upstream import KEY, NOW, Reply, Upstream, broken, client, ok, raw, refused

__all__ = ["KEY", "NOW", "Reply", "Upstream", "broken", "client", "ok", "raw", "refused", "routed"]


def routed(replies: dict[str, Reply]) -> Reply:
    """Each address of "METHOD /v1/…" has its own reply; any other is a 404."""

    def reply(request: httpx2.Request) -> Reply:
        chosen = replies.get(f"{request.method} {request.url.path}", refused(404, "NOT_FOUND"))
        return chosen(request) if callable(chosen) else chosen

    return reply
