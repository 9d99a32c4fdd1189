"""Changes of servers from the statistics page: the form that is posted, who may post it, and what it does.

A form has `s` (servers, several), `b` (their backend: its name, or `#` and its number) and `action`, in any order. The
answer is a redirection to the page, which tells what became of it (`;st=`):

    DONE  all servers were changed              ERRP  none could be: an unknown action, backend or server
    PART  some of them                          EXCD  the form does not fit into a buffer
    NONE  there was nothing to change           DENY  the client may not change servers, or came from another site
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes, urlsplit

from tcproxy.interfaces import Admin, ServerState
from tcproxy.servers.farm import Farm
from tcproxy.servers.state import LiveServer
from tcproxy.session.http.request_body import AnsweredBody, full_at, tell_to_continue
from tcproxy.session.http.sliced_answers import intercept
from tcproxy.session.http.state import Exchange
from tcproxy.session.http.statistics_requests import StatisticsRequest
from tcproxy.wire.messages import RequestHead

BY = "changed from Web interface"
HERE = (b"same-origin", b"none")
"""Values of Sec-Fetch-Site for requests of the page itself, and of nobody's page (a bookmark, say)."""


def comes_from_elsewhere(request: RequestHead) -> bool:
    """Return whether a browser says that a page of another site makes it send this request.

    Programs that are no browsers send none of these headers, and are let in.
    """
    site = request.value(b"sec-fetch-site")
    if site is not None and site.lower() not in HERE:
        return True
    told = request.value(b"origin")
    told = told if told is not None else request.value(b"referer")
    if told is None:
        return False
    host = request.value(b"host") or b""
    return _place(told) != host.strip().lower()


def _place(url: bytes) -> bytes:
    """Return host and port of a URL; b"" for `null`, and for what is no URL."""
    try:
        return urlsplit(url.strip().decode("latin-1")).netloc.rpartition("@")[2].lower().encode("latin-1")
    except ValueError:
        return b""


class Changes:
    """Takes the forms of a page. uri: of the page."""

    def __init__(self, uri: bytes) -> None:
        self.uri = uri

    def begin(self, exchange: Exchange, wish: StatisticsRequest, admin: bool) -> None:
        """Take a form, or refuse it. admin: the client may change servers."""
        request, client = exchange.request, exchange.client
        assert request is not None
        if not admin or comes_from_elsewhere(request):
            self.tell(exchange, wish, "DENY")
            return
        if request.has_body and not exchange.connection.client_shut:
            tell_to_continue(exchange, request)
            if not client.whole and client.size < full_at(exchange):
                exchange.inner = AnsweredBody(exchange, lambda one: self.obey(one, wish))
                return
        self.obey(exchange, wish)

    def obey(self, exchange: Exchange, wish: StatisticsRequest) -> None:
        """Do what the form says, which is there now, and tell what became of it."""
        client = exchange.client
        if not client.whole:
            self.tell(exchange, wish, "EXCD")
            return
        self.tell(exchange, wish, carry_out(b"".join(client.pieces), exchange.world.farms))

    def tell(self, exchange: Exchange, wish: StatisticsRequest, code: str) -> None:
        """Send the client back to the page."""
        scope = b"?scope=" + wish.scope if wish.scope else b""
        location = self.uri + f";st={code}{wish.options()}".encode("latin-1") + scope
        headers = [(b"cache-control", b"no-cache"), (b"content-type", b"text/plain"), (b"location", location)]
        intercept(exchange, 303, headers, iter(()), "<STATS>", 0)


# the form


def carry_out(body: bytes, farms: dict[str, Farm]) -> str:
    """Do what a form says; return the code that tells what became of it."""
    names, backend, word = _read(body)
    if word is not None and word not in ACTIONS:
        return "ERRP"
    farm = _farm(backend, farms) if backend is not None else None
    if backend is not None and farm is None:
        return "ERRP"
    if farm is None or word is None:
        return "NONE"
    asked = done = 0
    for name in reversed(names):  # as HAProxy does, whose log tells of them in this order
        server = farm.server(name)
        changed = ACTIONS[word](server) if server is not None else None
        asked += changed is not False
        done += bool(changed)
    if not asked:
        return "NONE"
    return "DONE" if done == asked else "PART" if done else "ERRP"


def _read(body: bytes) -> tuple[list[str], str | None, str | None]:
    """Return the servers, the backend and the action of a form; of several actions the last holds."""
    names: list[str] = []
    backend = word = None
    for field in body.split(b"&"):
        key, _, value = field.partition(b"=")
        text = unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8", "surrogateescape")
        if key == b"s":
            names.append(text)
        elif key == b"b":
            backend = text
        elif key == b"action":
            word = text
    return names, backend, word


def _farm(text: str, farms: dict[str, Farm]) -> Farm | None:
    if text.startswith("#"):
        return next((farm for farm in farms.values() if str(farm.model.id) == text[1:]), None)
    return farms.get(text)


def _to_state(word: str) -> Callable[[LiveServer], bool]:
    def change(server: LiveServer) -> bool:
        server.set_state(word)
        return True

    return change


def _set(flag: Admin, cause: str) -> Callable[[LiveServer], bool]:
    def change(server: LiveServer) -> bool:
        if server.admin & flag:
            return False
        server.set_admin(flag, cause)
        return True

    return change


def _clear(flag: Admin) -> Callable[[LiveServer], bool]:
    def change(server: LiveServer) -> bool:
        if not server.admin & flag:
            return False
        server.clear_admin(flag)
        return True

    return change


def _check(wanted: bool) -> Callable[[LiveServer], bool]:
    def change(server: LiveServer) -> bool:
        if server.watch is None:
            return False
        server.watch.enabled = wanted
        return True

    return change


def _force(state: ServerState) -> Callable[[LiveServer], bool]:
    def change(server: LiveServer) -> bool:
        if server.tracked is not None:
            return False
        if server.watch is not None:
            server.watch.force(healthy=state is not ServerState.STOPPED)
        go = {ServerState.RUNNING: server.up, ServerState.STOPPING: server.stop, ServerState.STOPPED: server.down}
        go[state](None, BY)
        return True

    return change


def _shut(server: LiveServer) -> bool:
    server.shut_sessions("K")
    return True


def _nothing(server: LiveServer) -> bool:
    """Change nothing: servers have no agent checks yet."""
    return False


ACTIONS: dict[str, Callable[[LiveServer], bool]] = {
    "ready": _to_state("ready"),
    "drain": _to_state("drain"),
    "maint": _to_state("maint"),
    "dhlth": _check(False),
    "ehlth": _check(True),
    "hrunn": _force(ServerState.RUNNING),
    "hnolb": _force(ServerState.STOPPING),
    "hdown": _force(ServerState.STOPPED),
    "dagent": _nothing,
    "eagent": _nothing,
    "arunn": _nothing,
    "adown": _nothing,
    "shutdown": _shut,
    "disable": _set(Admin.FORCED_MAINTENANCE, "'disable' on stats page"),
    "enable": _clear(Admin.FORCED_MAINTENANCE),
    "stop": _set(Admin.FORCED_DRAIN, "'stop' on stats page"),
    "start": _clear(Admin.FORCED_DRAIN),
}
"""What may be done to a server: True: it was changed; False: there was nothing to change."""
