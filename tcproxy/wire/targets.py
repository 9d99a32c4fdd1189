"""Targets of requests (RFC 9112 section 3.2), as rules part and change them."""

from __future__ import annotations


def path_of(target: bytes) -> bytes:
    """Return a target from its path on, with the query; empty for `*`, and for an authority."""
    if target.startswith(b"/"):
        return target
    _, found, rest = target.partition(b"://")
    slash = rest.find(b"/") if found else -1
    return rest[slash:] if slash >= 0 else b""


def authority_of(target: bytes) -> bytes | None:
    """Return the host and port of a target in absolute form, without user information; None for any other."""
    if target.startswith((b"/", b"*")):
        return None
    _, found, rest = target.partition(b"://")
    if not found:
        return None
    return rest.partition(b"/")[0].rpartition(b"@")[2]


def with_path(target: bytes, path: bytes, query: bool) -> bytes:
    """Return a target with another path. query: the query goes, too. A target without a path becomes the new one."""
    old = path_of(target) or target
    begin = target[: len(target) - len(old)]
    if query:
        return begin + path
    mark = old.find(b"?")
    return begin + path + (old[mark:] if mark >= 0 else b"")


def with_query(target: bytes, query: bytes) -> bytes:
    """Return a target with another query. An empty one leaves a question mark where there is one."""
    begin, mark, _ = target.partition(b"?")
    if not mark and not query:
        return target
    return b"%b?%b" % (begin, query)


def with_authority(target: bytes, authority: bytes = b"") -> bytes:
    """Return a target in absolute form with another host and port; user information stays."""
    scheme, _, rest = target.partition(b"://")
    old, slash, path = rest.partition(b"/")
    user, at, _ = old.rpartition(b"@")
    return b"%b://%b%b%b%b%b" % (scheme, user, at, authority, slash, path)
