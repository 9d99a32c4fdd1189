"""The HTTP check: one request, and what is expected of the answer (manual 4.2, `option httpchk`, `http-check`).

The request is http_request.py's, the words of the configuration are http_words.py's, the header that tells a server
how it is seen is server_header.py's. Works in TCP mode, too: what a check says is no part of the traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from zope.interface import implementer

from tcproxy.health.http_request import PLAIN as WRITTEN_PLAINLY
from tcproxy.health.http_request import CheckRequest, Script
from tcproxy.health.server_header import Described, server_header
from tcproxy.interfaces import CheckStatus, IConversation, IHealthChecker, IServer, ServerState, Verdict
from tcproxy.wire.http1 import BadMessage, Body, Codec, CodecLimits, RequestHead, ResponseHead, ResponseReader, body_of

NO_BODY = "HTTP content check could not find a response body"
NOT_FOUND = "HTTP content check did not match"
UNWANTED = "HTTP check matched unwanted content"

MESSAGE_BYTES = 127
"""How much of a server's reason phrase is kept, as in the reference."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One `http-check expect`. matches: asked with the body, or with the three digits of the status.

    of_body: which of them. unwanted: with `!`.
    """

    matches: Callable[[bytes], bool]
    of_body: bool = False
    unwanted: bool = False


GOOD_STATUS = Expectation(lambda code: 200 <= int(code) < 400)
"""What is expected where nothing is said."""


PLAIN = CheckRequest()
USUAL = CodecLimits()


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """All that a backend says of its HTTP checks.

    request: None sends nothing, which is what is left of a request that the `defaults` section alone has when the
    backend has `http-check` lines of its own. limits: of the answer; beyond its bufsize nothing is read.
    """

    request: CheckRequest | None = PLAIN
    expectations: tuple[Expectation, ...] = ()
    disable_on_404: bool = False
    send_state: bool = False
    node: str = ""
    limits: CodecLimits = USUAL
    script: Script = WRITTEN_PLAINLY


@implementer(IHealthChecker)
class HttpChecker:
    """Sends a request, and reads a response."""

    name = "httpchk"
    manual = "A server is up when it answers an HTTP request as expected."

    def parse(self, words: Sequence[str]) -> object:
        """Take the words of `option httpchk`, without the lines of `http-check`."""
        if len(words) > 3:
            raise ValueError(f"it cannot take the argument '{words[3]}'")
        method, uri, version = (None, *words, None, None)[:3] if len(words) < 2 else (*words, None)[:3]
        return HttpCheck(CheckRequest(method, uri, version))

    def conversation(self, server: IServer, options: object) -> IConversation:
        """Return one run of the check."""
        check = options if isinstance(options, HttpCheck) else HttpCheck()
        state = server_header(cast(Described, server), check.node) if check.send_state else ""
        return HttpConversation(check, state, server.name, cast(Stated, server).state is ServerState.STOPPED)


class Stated(Protocol):
    """A server with its operational state."""

    state: ServerState


@implementer(IConversation)
class HttpConversation:
    """One request and its answer. state: what the server is told of itself. name: its own. stopped: it is down now."""

    layer = 7

    def __init__(self, check: HttpCheck, state: str = "", name: str = "", stopped: bool = False) -> None:
        self._check = check
        self._name = name
        self._state = state
        self._may_stop = check.disable_on_404 and not stopped
        method = ((check.request and check.request.method) or "OPTIONS").encode()
        # the reader takes a switch of protocols for an answer only where one was asked for
        self._request = RequestHead(method, b"/", b"HTTP/1.1", 1, [], False)
        self._request.upgrade = True
        self._codec = Codec(check.limits)
        self._reader = ResponseReader(self._codec)
        self._head: ResponseHead | None = None
        self._decoder: Body | None = None
        self._body = b""
        self._room = check.limits.bufsize
        self._met = 0

    def connected(self) -> Verdict | bytes | None:
        """Send the request."""
        request = self._check.request
        return None if request is None else request.encode(self._state, self._name, self._check.script)

    def received(self, data: bytes) -> Verdict | bytes | None:
        """Read on, as far as the buffer of the reference reaches."""
        data = data[: max(self._room, 0)]
        self._room -= len(data)
        try:
            self._read(data)
        except BadMessage:
            return Verdict(CheckStatus.L7_RESPONSE)
        if self._head is None or self._decoder is None:
            return None if self._room > 0 else Verdict(CheckStatus.L7_RESPONSE)
        return self._judged(self._head, self._decoder.done or self._room <= 0)

    def _read(self, data: bytes) -> None:
        if self._decoder is None:
            self._head = self._reader.feed(data, self._request)
            if self._head is None:
                return
            self._decoder = body_of(self._head, self._codec, 502)
            data = self._reader.take()
        self._body += b"".join(self._decoder.feed(data))

    def ended(self) -> Verdict | None:
        """Take what there is for the whole answer."""
        if self._head is None:
            return Verdict(CheckStatus.L7_RESPONSE)
        return self._judged(self._head, True)

    def _judged(self, head: ResponseHead, whole: bool) -> Verdict | None:
        """Return the verdict, None as long as more of the body may change it."""
        if self._may_stop and head.status == 404:
            return Verdict(CheckStatus.L7_OK_CONDITIONAL, code=404)
        expectations = self._check.expectations or (GOOD_STATUS,)
        for expected in expectations[self._met :]:
            if not expected.of_body:
                if expected.matches(b"%d" % head.status) is expected.unwanted:
                    return Verdict(CheckStatus.L7_STATUS, _message(head.reason), head.status)
            else:
                trouble = self._trouble(expected, whole)
                if trouble is None:
                    return None
                if trouble:
                    return Verdict(CheckStatus.L7_RESPONSE, trouble)
            self._met += 1
        return Verdict(CheckStatus.L7_OK, code=head.status)

    def _trouble(self, expected: Expectation, whole: bool) -> str | None:
        """Return what is wrong with the body, "" for nothing, None when that is not to be said yet."""
        if not self._body:
            return NO_BODY if whole else None
        if expected.matches(self._body):
            return UNWANTED if expected.unwanted else ""
        if not whole:
            return None
        return "" if expected.unwanted else NOT_FOUND


def _message(reason: bytes) -> str:
    return reason[:MESSAGE_BYTES].decode("utf-8", "surrogateescape")
