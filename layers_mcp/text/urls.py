"""What is told of a URL without asking anybody: the ports of its scheme, and whether it is safe to go to."""

from __future__ import annotations

from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": "80", "https": "443"}


def is_loopback(host: str) -> bool:
    """Return whether a host is only this machine, without asking a name server."""
    if host.lower() == "localhost":
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_secure(scheme: str, host: str) -> bool:
    """Return whether nobody reads along on the way to a host: https, or plain http on this machine."""
    return scheme == "https" or (scheme == "http" and is_loopback(host))


def is_safe_url(url: str) -> bool:
    """Return whether what is read there can be trusted on the way."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and is_secure(parts.scheme, host)
