"""What clients log in with, as samples (manual 7.3.6): the Authorization header, and the userlists it is checked by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tcproxy.samples.arguments import ArgumentType, Reference
from tcproxy.samples.encodings import base64_decoded
from tcproxy.samples.headers import lines_of, parted, request_head, that_may_come
from tcproxy.samples.kinds import Kind, Value
from tcproxy.samples.places import OF_REQUESTS
from tcproxy.samples.rows import Fetch, Take, TakeEvery

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts
    from tcproxy.wire.messages import RequestHead

_PROXY_OPTION = "http-use-proxy-header"


class Credentials(NamedTuple):
    """What an Authorization header says. scheme: Basic, with user and password, or Bearer, with a token."""

    scheme: bytes
    user: bytes = b""
    password: bytes = b""
    token: bytes = b""


def credentials_of(facts: Facts) -> Credentials | None:
    """Return what the client logs in with; None without a header, or with one that is malformed."""
    request = request_head(facts)
    if request is None:
        return None
    name = b"proxy-authorization" if _is_for_proxy(facts, request) else b"authorization"
    scheme, rest = _scheme_of(request, name)
    if scheme == b"bearer" and rest:
        return Credentials(b"Bearer", token=rest)
    return _basic(rest) if scheme == b"basic" else None


def _is_for_proxy(facts: Facts, request: RequestHead) -> bool:
    """Return whether the request is one to a proxy, and such requests have a header of their own."""
    return not request.target.startswith((b"/", b"*")) and _PROXY_OPTION in facts.frontend.model.options


def _scheme_of(request: RequestHead, name: bytes) -> tuple[bytes, bytes]:
    """Return the scheme, in lower case, and what follows it, of the first word of the first header of a name."""
    lines = lines_of(request, name)
    if not lines:
        return b"", b""
    scheme, _, rest = parted(lines[0])[0].partition(b" ")
    return scheme.lower(), rest.lstrip(b" ")


def _basic(text: bytes) -> Credentials | None:
    decoded = base64_decoded(text) if text else None
    if decoded is None:
        return None
    user, colon, password = decoded.partition(b"\0")[0].partition(b":")  # HAProxy reads up to a NUL
    return Credentials(b"Basic", user, password) if colon else None


def _scheme(facts: Facts) -> Value | None:
    found = credentials_of(facts)
    return None if found is None else found.scheme


def _user(facts: Facts) -> Value | None:
    found = credentials_of(facts)
    return found.user if found is not None and found.scheme == b"Basic" else None


def _password(facts: Facts) -> Value | None:
    found = credentials_of(facts)
    return found.password if found is not None and found.scheme == b"Basic" else None


def _bearer(facts: Facts) -> Value | None:
    found = credentials_of(facts)
    return found.token if found is not None and found.scheme == b"Bearer" else None


def _bearer_of(name: bytes | None = None) -> Take:
    """Return the fetch of the token in a header of this name; an empty text without one, as in HAProxy."""
    if name is None:
        return _bearer
    lower = name.lower()

    def take(facts: Facts) -> Value | None:
        request = request_head(facts)
        if request is None:
            return None
        scheme, rest = _scheme_of(request, lower)
        return rest if scheme == b"bearer" else b""

    return take


# userlists


def _admitted(facts: Facts, userlist: Reference) -> bytes | None:
    """Return the name of the user, None for no user of the list, and for a wrong password."""
    found = credentials_of(facts)
    there = facts.world.configuration.userlists.get(userlist.name)
    if found is None or there is None or found.scheme != b"Basic" or not there.admits(found.user, found.password):
        return None
    return found.user


def _is_user(userlist: Reference) -> Take:
    def take(facts: Facts) -> Value | None:
        found = credentials_of(facts)
        if found is None or found.scheme != b"Basic":
            return None
        return _admitted(facts, userlist) is not None

    return take


def _user_of(userlist: Reference) -> Take:
    return lambda facts: _admitted(facts, userlist)


def _groups_of(userlist: Reference) -> TakeEvery:
    """Return the function that takes the names of all groups of the user: a test compares these."""

    def take(facts: Facts) -> Sequence[Value]:
        user = _admitted(facts, userlist)
        there = facts.world.configuration.userlists.get(userlist.name)
        return () if user is None or there is None else there.groups_of(user)

    return take


_LIST = (ArgumentType.USERLIST,)
FETCHES = that_may_come(
    Fetch(
        "http_auth", Kind.BOOL, OF_REQUESTS, "True if the client's name and password are in this userlist.",
        build=_is_user, arguments=_LIST, required=1,
    ),
    Fetch(
        "http_auth_bearer", Kind.STR, OF_REQUESTS, "The token that the client logs in with.",
        build=_bearer_of, arguments=(ArgumentType.STRING,),
    ),
    Fetch(
        "http_auth_group", Kind.STR, OF_REQUESTS, "The client's name in this userlist; an acl compares its groups.",
        build=_user_of, build_every=_groups_of, arguments=_LIST, required=1,
    ),
    Fetch("http_auth_pass", Kind.STR, OF_REQUESTS, "The password that the client logs in with.", _password),
    Fetch("http_auth_type", Kind.STR, OF_REQUESTS, "How the client logs in: Basic or Bearer.", _scheme),
    Fetch("http_auth_user", Kind.STR, OF_REQUESTS, "The name that the client logs in with.", _user),
)  # fmt: skip
