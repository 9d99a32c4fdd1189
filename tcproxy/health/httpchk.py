"""The HTTP check: one request, and the conditions on its answer (manual 4.2, `option httpchk`, `http-check`).

The request is made in http_request.py, the words of the configuration are read in http_words.py, and the header that
tells a server its state is made in server_header.py. A backend in TCP mode may have HTTP checks, too.
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
"""Bytes of a server's reason phrase that are kept, as many as HAProxy keeps."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One `http-check expect`.

    matches: a test of the body if `of_body`, else of the three digits of the status. unwanted: `!` stands before it.
    """

    matches: Callable[[bytes], bool]
    of_body: bool = False
    unwanted: bool = False


GOOD_STATUS = Expectation(lambda code: 200 <= int(code) < 400)
"""The condition where the configuration has none: a status of 200 to 399."""


PLAIN = CheckRequest()
USUAL = CodecLimits()


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """The settings of a backend's HTTP checks.

    request: None sends nothing; so it is in a backend with `http-check` lines whose `option httpchk` stands in
    `defaults` only. limits: of the answer, of which no more than `bufsize` bytes are read.
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
    """One request and its answer.

    state: the value of X-Haproxy-Server-State, "" for none. name: the server's. stopped: the server is down now.
    """

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
        """Read on, up to `bufsize` bytes of the whole answer, as HAProxy does."""
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
        """Judge the answer by the bytes that came."""
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
        """Return the fault of the body, "" for none, None as long as more bytes may decide it."""
        if not self._body:
            return NO_BODY if whole else None
        if expected.matches(self._body):
            return UNWANTED if expected.unwanted else ""
        if not whole:
            return None
        return "" if expected.unwanted else NOT_FOUND


def _message(reason: bytes) -> str:
    return reason[:MESSAGE_BYTES].decode("utf-8", "surrogateescape")
