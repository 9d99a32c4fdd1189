"""The persistence cookie of a backend in requests and responses (manual 4.2, `cookie`).

The bytes of the headers are parted and joined in wire/cookies.py. What a request's cookie leads to is noted in the
session's Persistence, with the letters that log lines tell of it:

    request:   N none · I of no server · D of a server that is down · V valid · E expired · O old · U not used
    response:  N none · P the server's own, left as it is · D deleted · R rewritten · I inserted · U date renewed
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from tcproxy.interfaces import ServerState
from tcproxy.session import persistence
from tcproxy.session.http.cacheable import is_cacheable
from tcproxy.wire.cookies import (
    Crumb,
    concerns,
    part_dates,
    plain,
    read_cookies,
    read_set_cookie,
    read_set_cookies,
    rejoined,
    rejoined_set_cookies,
    signed,
    write_date,
)
from tcproxy.wire.http1.fields import Field

if TYPE_CHECKING:
    from tcproxy.model.persistence import Cookie
    from tcproxy.model.proxy import Proxy
    from tcproxy.servers.state import LiveServer
    from tcproxy.session.http.rules import ResponseEdit, Rule
    from tcproxy.session.http.session import HttpSession
    from tcproxy.session.persistence import Persistence
    from tcproxy.wire.http1 import RequestHead, ResponseHead

STOPPED = ServerState.STOPPED
FUTURE = 86400
"""Seconds: a date further ahead than that is no date of ours, and the cookie has expired."""
SETTING = (b"set-cookie", b"set-cookie2")
GONE = b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"
"""What makes a client forget its cookie."""


def rules(front: Proxy, back: Proxy) -> Rule | None:
    """Return what `force-persist` and `ignore-persist` rules do, with requests that the backend has not edited yet."""
    return persistence.rules_of(back)


def requests(front: Proxy, back: Proxy) -> Rule | None:
    """Return what reads, and perhaps changes, the cookies of a backend's requests; None where it has no cookie."""
    return RequestCookie(back.cookie, "persist" in back.options).read if back.cookie is not None else None


def responses(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return what reads, changes and sets the cookie in a backend's responses; None where it has no cookie."""
    return ResponseCookie(back.cookie).edit if back.cookie is not None else None


def shows_letters(back: Proxy) -> bool:
    """Say whether log lines tell of a backend's cookie: not where it is only read."""
    return back.cookie is not None and (bool(back.cookie.mode) or back.cookie.indirect)


class RequestCookie:
    """The cookie in requests: which server it names, and what the server sees of it.

    hidden: servers do not see it. prefix: it stands before the value of a cookie of theirs.
    """

    __slots__ = ("hidden", "maxidle", "maxlife", "name", "persists", "plain", "prefix")

    def __init__(self, model: Cookie, persists: bool) -> None:
        self.name = model.name.encode("utf-8", "surrogateescape")
        self.plain = plain(self.name).fullmatch
        self.prefix = model.mode == "prefix"
        self.hidden = model.mode == "insert" and model.indirect
        self.maxidle, self.maxlife = model.maxidle, model.maxlife
        self.persists = persists

    def read(self, session: HttpSession) -> bool:
        """Find the server that the request's cookies name, and write them as the server shall see them."""
        request = session.request
        assert request is not None
        tie = persistence.of(session)
        for field in request.fields:
            if field.name == b"cookie" and concerns(field.value, self.name):
                self._read_all(session, tie, request)
                break
        return True

    def _read_all(self, session: HttpSession, tie: Persistence, request: RequestHead) -> None:
        fields, gone = [], 0
        for field in request.fields:
            if field.name == b"cookie" and concerns(field.value, self.name):
                value = self._read_header(session, tie, field.value)
                if value != field.value:
                    gone += len(field.value) - len(value)
                    if value:
                        fields.append(Field(b"cookie", value))
                    else:
                        gone += len(field.name)
                    continue
            fields.append(field)
        if gone:
            session.client.moved += gone  # what was received counts, not what we pass on
            request.fields = fields

    def _read_header(self, session: HttpSession, tie: Persistence, header: bytes) -> bytes:
        """Return what is left of a header's value."""
        found = self.plain(header)
        if found is not None:
            before, value, behind = found.groups()
            rest = self._read_one(session, tie, value)
            if self.hidden:
                return before + behind[2:] if behind else before[:-2]
            return header if rest is value else b"%b%b=%b%b" % (before, self.name, rest, behind)
        crumbs = read_cookies(header)
        for crumb in crumbs:
            if crumb.value is not None and crumb.name == self.name:
                rest = self._read_one(session, tie, crumb.value)
                if rest is not crumb.value:
                    crumb.assign(rest)
        return rejoined(crumbs, self._is_hidden)

    def _is_hidden(self, crumb: Crumb) -> bool:
        return self.hidden and crumb.name == self.name and crumb.value is not None

    def _read_one(self, session: HttpSession, tie: Persistence, value: bytes) -> bytes:
        """Go where a cookie of ours leads; return what the server sees of its value."""
        rest = value
        if self.prefix:
            named, delimiter, behind = value.partition(b"~")
            if delimiter:
                rest = behind
        elif b"|" in value:
            named, last, first = part_dates(value)
            tie.last, tie.first = last or tie.last, first or tie.first
        else:
            named = value
        if (tie.last or tie.first) and self._is_over(tie):
            named = b""
        self._lead(session, tie, named)
        return rest

    def _is_over(self, tie: Persistence) -> bool:
        """Say whether the cookie's dates are too old; then they are forgotten."""
        now = int(time())
        if tie.first and self.maxlife and _is_outside(now - tie.first, self.maxlife):
            tie.asked = "O"
        elif tie.last and self.maxidle and _is_outside(now - tie.last, self.maxidle):
            tie.asked = "E"
        else:
            return False
        tie.last = tie.first = 0
        return True

    def _lead(self, session: HttpSession, tie: Persistence, named: bytes) -> None:
        """Go to the first server of this cookie that may be used."""
        unused = tie.ignored or tie.server is not None
        # a `listen` section is its own backend until another one is chosen
        farm = session.farm or session.frontend.world.farms[session.frontend.name]
        servers = farm.cookies.named(named) if named and not unused else ()
        for server in servers:
            tie.asked = "D" if server.state is STOPPED else "V"
            if tie.asked == "V" or self.persists or tie.forced:
                tie.server = server
                tie.direct = True
                return
        if tie.asked == "N":
            tie.asked = "U" if unused else "I"


def size_of(fields: list[Field]) -> int:
    """Return the bytes of headers as logs and statistics count them: what was received counts, not what we write."""
    return sum([len(field.wire) - 4 for field in fields])


def _is_outside(age: int, limit: int) -> bool:
    return signed(age) > limit or signed(-age) > FUTURE


class ResponseCookie:
    """The cookie in responses: the server's own is kept, changed or taken out, and ours put in.

    plain: no dates are in it. behind: what follows its value.
    """

    __slots__ = (
        "behind", "indirect", "insert", "maxidle", "maxlife", "mode", "name", "nocache", "postonly", "preserve",
    )  # fmt: skip

    def __init__(self, model: Cookie) -> None:
        self.name = model.name.encode("utf-8", "surrogateescape")
        self.mode = model.mode
        self.insert = model.mode == "insert"
        self.indirect, self.preserve = model.indirect, model.preserve
        self.nocache, self.postonly = model.nocache, model.postonly
        self.maxidle, self.maxlife = model.maxidle, model.maxlife
        parts = ["", "path=/", *(f"domain={domain}" for domain in model.domains)]
        parts += ["HttpOnly"] * model.httponly + ["Secure"] * model.secure + list(model.attributes)
        self.behind = "; ".join(parts).encode("utf-8", "surrogateescape")

    def edit(self, session: HttpSession, head: ResponseHead) -> None:
        """Do what the backend's cookie asks of a response."""
        tie, server = persistence.of(session), session.server
        led = persistence.is_led(session)
        for field in head.fields:
            if field.name in SETTING:
                before = size_of(head.fields)
                self._edit_own(server, tie, led, head)
                session.link.moved += before - size_of(head.fields)
                break
        if server is not None and self.insert and not tie.ignored and (not led or self._is_due(tie)):
            self._insert(session, head, server, tie, led)

    def _insert(
        self, session: HttpSession, head: ResponseHead, server: LiveServer, tie: Persistence, led: bool
    ) -> None:
        """Set our cookie, unless the server's own is to stay, or this is no POST."""
        if self.preserve and tie.answered == "P":
            return
        if self.postonly and session.request.method != b"POST":  # type: ignore[union-attr]
            return
        cacheable = self.nocache and is_cacheable(session, head)
        before = size_of(head.fields)
        head.add(b"set-cookie", self._made(server, tie))
        tie.answered = "U" if led and server.cookie else "I"
        if cacheable:
            head.add(b"cache-control", b"private")
        session.link.moved += before - size_of(head.fields)

    def _is_due(self, tie: Persistence) -> bool:
        """Say whether a client that has the right cookie needs one with other dates."""
        if (self.maxidle or tie.last) and (not tie.last or tie.last < int(time())):
            return True
        return bool(self.maxlife) != bool(tie.first)

    def _made(self, server: LiveServer, tie: Persistence) -> bytes:
        """Return the cookie of a server; one that has none makes the client forget its own."""
        if not server.cookie:
            return b"%b=%b%b" % (self.name, GONE, self.behind)
        dates = b""
        if self.maxidle or self.maxlife:
            now = write_date(int(time()) + 3 >> 2)
            dates = b"|" + now
            if self.maxlife:
                dates += b"|" + (write_date(tie.first >> 2) if tie.first else now)
        return b"%b=%b%b%b" % (self.name, server.cookie, dates, self.behind)

    # the server's own

    def _edit_own(self, server: LiveServer | None, tie: Persistence, led: bool, head: ResponseHead) -> None:
        fields = []
        for field in head.fields:
            if field.name in SETTING and concerns(field.value, self.name):
                several = field.name == b"set-cookie2"
                crumbs = read_set_cookies(field.value) if several else [read_set_cookie(field.value)]
                value = rejoined_set_cookies(crumbs, lambda crumb: self._goes(server, tie, led, crumb))
                if value != field.value:
                    if value:
                        fields.append(Field(field.name, value))
                    continue
            fields.append(field)
        head.fields = fields

    def _goes(self, server: LiveServer | None, tie: Persistence, led: bool, crumb: Crumb) -> bool:
        """Say whether a cookie of the server's is taken out; change it where it is ours."""
        if crumb.value is None or crumb.name != self.name or tie.ignored:
            return False
        tie.answered = "P"
        if self.preserve:
            return False
        if (server is not None and self.insert) or (led and self.indirect):
            tie.answered = "D"
            return True
        if server is not None and server.cookie and self.mode in ("rewrite", "prefix"):
            crumb.assign(server.cookie if self.mode == "rewrite" else b"%b~%b" % (server.cookie, crumb.value))
            tie.answered = "R"
        return False
