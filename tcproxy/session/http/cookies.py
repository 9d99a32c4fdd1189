"""The persistence cookie of a backend in requests and responses (manual 4.2, `cookie`).

The bytes of the headers are parted and joined in wire/cookies.py. What a request's cookie leads to is noted in the
session's Persistence, with the letters that log lines tell of it:

    request:   N none · I of no server · D of a server that is down · V valid · E expired · O old · U not used
    response:  N none · P the server's own, left as it is · D deleted · R rewritten · I inserted · U date renewed
"""

from __future__ import annotations

from time import time

from tcproxy.interfaces import ServerState
from tcproxy.model.persistence import Cookie
from tcproxy.model.proxy import Proxy
from tcproxy.servers.state import LiveServer
from tcproxy.session.http.cacheable import is_cacheable
from tcproxy.session.http.state import Exchange, ResponseEdit, Rule
from tcproxy.session.persistence import persistence_of, rules_of
from tcproxy.session.state import Persistence
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
from tcproxy.wire.messages import ResponseHead

STOPPED = ServerState.STOPPED
FUTURE = 86400
"""Seconds: a date further in the future was not written by us, and the cookie counts as expired."""
COOKIE = (b"cookie",)
SETTING = (b"set-cookie", b"set-cookie2")
REMEMBERED = 1024
"""Cookie headers of one backend that are remembered as they were read: clients send the same ones again and again."""
LONGEST_REMEMBERED = 1024
"""Bytes of a Cookie header that is remembered, at the most."""
GONE = b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"
"""What makes a client forget its cookie."""


def persist_rules(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule of `force-persist` and `ignore-persist`, which sees requests before the backend edits them."""
    return rules_of(back)


def requests(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that reads, and may change, the cookies of a backend's requests; None where it has no cookie."""
    return RequestCookie(back.cookie, "persist" in back.options).read if back.cookie is not None else None


def responses(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return the edit that reads, changes and sets the cookie in a backend's responses; None where it has no cookie."""
    return ResponseCookie(back.cookie).edit if back.cookie is not None else None


class RequestCookie:
    """The cookie in requests: which server it names, and what the server sees of it.

    hidden: servers do not see it. prefix: it stands before the value of a cookie of theirs. known: what plain headers
    say, by their bytes: the server's name in them, and the header as servers see it (b"": none).
    """

    __slots__ = ("hidden", "known", "maxidle", "maxlife", "name", "persists", "plain", "prefix")

    def __init__(self, model: Cookie, persists: bool) -> None:
        self.name = model.name.encode("utf-8", "surrogateescape")
        self.plain = plain(self.name).fullmatch
        self.prefix = model.mode == "prefix"
        self.hidden = model.mode == "insert" and model.indirect
        self.maxidle, self.maxlife = model.maxidle, model.maxlife
        self.persists = persists
        self.known: dict[bytes, tuple[bytes, bytes]] = {}

    def read(self, exchange: Exchange) -> bool:
        """Find the server that the request's cookies name, and write them as the server shall see them."""
        request = exchange.request
        assert request is not None
        lead = exchange.persistence or persistence_of(exchange)
        values = request.values(b"cookie")
        if len(values) == 1:  # as browsers do it
            value = values[0]
            known = self.known.get(value)
            if known is not None and not (lead.last or lead.first):
                named, left = known
                self._lead(exchange, lead, named)
                if left is not value and left != value:
                    request.change(b"cookie", left or None)
            elif concerns(value, self.name):
                left = self._read_header(exchange, lead, value)
                if left is not value:
                    request.change(b"cookie", left or None)
        elif any(concerns(value, self.name) for value in values):
            request.replace(COOKIE, lambda name, value: self._left_of(exchange, lead, value))
        return True

    def _left_of(self, exchange: Exchange, lead: Persistence, value: bytes) -> bytes | None:
        """Read a Cookie header; return its value as the server sees it. None: leave the header out."""
        return self._read_header(exchange, lead, value) or None if concerns(value, self.name) else value

    def _read_header(self, exchange: Exchange, lead: Persistence, header: bytes) -> bytes:
        """Return the value of a Cookie header as the server sees it."""
        found = self.plain(header)
        if found is not None:
            before, value, behind = found.groups()
            if self.prefix or lead.last or lead.first or b"|" in value:
                rest = self._read_one(exchange, lead, value)
            else:
                self._lead(exchange, lead, value)
                left = (before + behind[2:] if behind else before[:-2]) if self.hidden else header
                self._remember(header, value, left)
                return left
            if self.hidden:
                return before + behind[2:] if behind else before[:-2]
            return header if rest is value else b"%b%b=%b%b" % (before, self.name, rest, behind)
        crumbs = read_cookies(header)
        for crumb in crumbs:
            if crumb.value is not None and crumb.name == self.name:
                rest = self._read_one(exchange, lead, crumb.value)
                if rest is not crumb.value:
                    crumb.assign(rest)
        return rejoined(crumbs, self._is_hidden)

    def _remember(self, header: bytes, named: bytes, left: bytes) -> None:
        """Remember what a plain header says; forget all others when there are too many."""
        if len(header) <= LONGEST_REMEMBERED:
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            self.known[header] = named, left

    def _is_hidden(self, crumb: Crumb) -> bool:
        return self.hidden and crumb.name == self.name and crumb.value is not None

    def _read_one(self, exchange: Exchange, lead: Persistence, value: bytes) -> bytes:
        """Lead the exchange to the server that our cookie names; return the value that the server sees."""
        rest = value
        if self.prefix:
            named, delimiter, behind = value.partition(b"~")
            if delimiter:
                rest = behind
        elif b"|" in value:
            named, last, first = part_dates(value)
            lead.last, lead.first = last or lead.last, first or lead.first
        else:
            named = value
        if (lead.last or lead.first) and self._is_over(lead):
            named = b""
        self._lead(exchange, lead, named)
        return rest

    def _is_over(self, lead: Persistence) -> bool:
        """Return whether the cookie's dates are too old (`maxlife`, `maxidle`); forget them if so."""
        now = int(time())
        if lead.first and self.maxlife and _is_outside(now - lead.first, self.maxlife):
            lead.asked = "O"
        elif lead.last and self.maxidle and _is_outside(now - lead.last, self.maxidle):
            lead.asked = "E"
        else:
            return False
        lead.last = lead.first = 0
        return True

    def _lead(self, exchange: Exchange, lead: Persistence, named: bytes) -> None:
        """Lead the exchange to the first server of this cookie that may be used."""
        unused = lead.ignored or lead.server is not None
        backend = exchange.backend
        farm = backend.farm if backend is not None else exchange.frontend.home
        servers = farm.cookies.named(named) if farm is not None and named and not unused else ()
        for server in servers:
            lead.asked = "D" if server.state is STOPPED else "V"
            if lead.asked == "V" or self.persists or lead.forced:
                lead.server = server
                lead.direct = True
                return
        if lead.asked == "N":
            lead.asked = "U" if unused else "I"


def _is_outside(age: int, limit: int) -> bool:
    return signed(age) > limit or signed(-age) > FUTURE


class ResponseCookie:
    """The cookie in responses: the server's own is kept, changed or taken out, and ours put in.

    dated: dates are in it. behind: what follows its value.
    """

    __slots__ = (
        "behind", "dated", "indirect", "insert", "maxidle", "maxlife", "mode", "name", "nocache", "postonly",
        "preserve",
    )  # fmt: skip

    def __init__(self, model: Cookie) -> None:
        self.name = model.name.encode("utf-8", "surrogateescape")
        self.mode = model.mode
        self.insert = model.mode == "insert"
        self.indirect, self.preserve = model.indirect, model.preserve
        self.nocache, self.postonly = model.nocache, model.postonly
        self.maxidle, self.maxlife = model.maxidle, model.maxlife
        self.dated = bool(self.maxidle or self.maxlife)
        parts = ["", "path=/", *(f"domain={domain}" for domain in model.domains)]
        parts += ["HttpOnly"] * model.httponly + ["Secure"] * model.secure + list(model.attributes)
        self.behind = "; ".join(parts).encode("utf-8", "surrogateescape")

    def edit(self, exchange: Exchange, head: ResponseHead) -> None:
        """Do what the backend's cookie asks of a response."""
        lead, server, ticket = exchange.persistence or persistence_of(exchange), exchange.server, exchange.ticket
        led = lead.direct and (ticket is None or not ticket.redispatched)
        if head.has(b"set-cookie") or head.has(b"set-cookie2"):
            head.replace(SETTING, lambda name, value: self._left_of(server, lead, led, name, value))
        if led and not (self.dated or lead.last or lead.first):
            return
        if server is not None and self.insert and not lead.ignored and (not led or self._is_due(lead)):
            self._insert(exchange, head, server, lead, led)

    def _insert(
        self, exchange: Exchange, head: ResponseHead, server: LiveServer, lead: Persistence, led: bool
    ) -> None:
        """Set our cookie, unless the server's own is to stay, or this is no POST."""
        if self.preserve and lead.answered == "P":
            return
        if self.postonly and exchange.request.method != b"POST":  # type: ignore[union-attr]
            return
        cacheable = self.nocache and is_cacheable(exchange, head)
        head.add(b"set-cookie", self._made(server, lead))
        lead.answered = "U" if led and server.cookie else "I"
        if cacheable:
            head.add(b"cache-control", b"private")

    def _is_due(self, lead: Persistence) -> bool:
        """Return whether a client that has the right cookie needs one with other dates."""
        if (self.maxidle or lead.last) and (not lead.last or lead.last < int(time())):
            return True
        return bool(self.maxlife) != bool(lead.first)

    def _made(self, server: LiveServer, lead: Persistence) -> bytes:
        """Return the Set-Cookie value for a server; of a server without a cookie, one that deletes the client's."""
        if not server.cookie:
            return b"%b=%b%b" % (self.name, GONE, self.behind)
        dates = b""
        if self.maxidle or self.maxlife:
            now = write_date(int(time()) + 3 >> 2)
            dates = b"|" + now
            if self.maxlife:
                dates += b"|" + (write_date(lead.first >> 2) if lead.first else now)
        return b"%b=%b%b%b" % (self.name, server.cookie, dates, self.behind)

    # the cookie that the server set

    def _left_of(
        self, server: LiveServer | None, lead: Persistence, led: bool, name: bytes, value: bytes
    ) -> bytes | None:
        """Return the value of a Set-Cookie header as the client sees it; None: leave the header out."""
        if not concerns(value, self.name):
            return value
        crumbs = read_set_cookies(value) if name == b"set-cookie2" else [read_set_cookie(value)]
        return rejoined_set_cookies(crumbs, lambda crumb: self._goes(server, lead, led, crumb)) or None

    def _goes(self, server: LiveServer | None, lead: Persistence, led: bool, crumb: Crumb) -> bool:
        """Return whether a cookie that the server set is to be removed; change its value where it has our name."""
        if crumb.value is None or crumb.name != self.name or lead.ignored:
            return False
        lead.answered = "P"
        if self.preserve:
            return False
        if (server is not None and self.insert) or (led and self.indirect):
            lead.answered = "D"
            return True
        if server is not None and server.cookie and self.mode in ("rewrite", "prefix"):
            crumb.assign(server.cookie if self.mode == "rewrite" else b"%b~%b" % (server.cookie, crumb.value))
            lead.answered = "R"
        return False
