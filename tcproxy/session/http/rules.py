"""What is done to requests and responses on their way, in order: the one table of it.

Each entry makes, of the sections concerned, what is to be called for each message, or None where the sections ask for
nothing: then it costs nothing. Made once, when the proxy starts; see ways.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.session.http import body, captures, checkcache, cookies, forwarded, ids, names, requests
from tcproxy.session.http.monitor import monitor
from tcproxy.session.http.redirects import back_redirects, front_redirects

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.session.http.session import HttpSession
    from tcproxy.wire.http1 import ResponseHead

Rule = Callable[["HttpSession"], bool]
"""Done with a request. True: go on. False: it was answered, or it waits, and who ends the wait calls `session.run`."""
Edit = Callable[["HttpSession"], None]
"""Done with a request each time that it is about to be sent to a server (`session.server`)."""
ResponseEdit = Callable[["HttpSession", "ResponseHead"], None]
"""Done with a server's final response before it goes to the client; it may `session.answer` in the server's place."""

FRONT: tuple[Callable[[Proxy], Rule | None], ...] = (
    captures.requests,
    monitor,
    body.of_frontend,
    requests.of_frontend,
    names.of_frontend,
    front_redirects,
)
"""Of a frontend: before the backend is chosen."""
BACK: tuple[Callable[[Proxy, Proxy], Rule | None], ...] = (
    body.of_backend,
    cookies.rules,
    requests.of_backend,
    names.of_backend,
    back_redirects,
    captures.request_cookies,
    cookies.requests,
    ids.identity,
    forwarded.forwardfor,
    forwarded.originalto,
    body.of_strategy,
)
"""Of a frontend and a backend: once the backend is known, before there is a server."""
SENDING: tuple[Callable[[Proxy, Proxy], Edit | None], ...] = ()
"""Of a frontend and a backend: the server is known."""
RESPONSES: tuple[Callable[[Proxy, Proxy], ResponseEdit | None], ...] = (
    captures.responses,
    body.told_to_continue,
    captures.response_cookies,
    checkcache.responses,
)
"""Of a frontend and a backend."""
