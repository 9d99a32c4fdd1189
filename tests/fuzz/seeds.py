"""What fuzzing begins with: the corpus, in the form of each target, and words that messages are made of."""

from __future__ import annotations

from tests.fuzz.targets import ASKED, OPERATION
from tests.transport.http1.conversations import PROBE
from tests.wire.http1 import corpus
from tests.wire.http1.fragments import BODIES, ENDS, FIELDS, REQUEST_LINES, STATUS_LINES

SAYS, OTHER, SERVER, SERVED = (OPERATION + letter for letter in (b"C", b"D", b"S", b"r"))
ENDINGS = tuple(OPERATION + word for word in (*b"c d s x y X Y v r".split(), b"t\x1e", b"w\x40\0"))
WORDS = tuple(
    dict.fromkeys(
        [
            *(line + b"\r\n" for line in (*FIELDS, *REQUEST_LINES, *STATUS_LINES)),
            *ENDS, *BODIES, *ENDINGS, SAYS, OTHER, SERVER, SERVED, SAYS + PROBE, SERVER + b"HTTP/1.1 200 OK\r\n",
            b"0\r\n\r\n", b"\r\n\r\n", b"chunked", b"close", b"upgrade", b"HEAD", b"CONNECT", b"ffffffff", b", ", b"1",
        ]
    )
)  # fmt: skip


def seeds(target: str) -> list[bytes]:
    """Return what a target's fuzzing begins with."""
    return {"requests": _requests, "responses": _responses, "bodies": _bodies, "session": _sessions}[target]()


def _requests() -> list[bytes]:
    lenient = [b"\1\3" + message for message in corpus.requests("requests-lenient")]
    return [b"\0\3" + message for message in corpus.requests()] + lenient


def _responses() -> list[bytes]:
    return [bytes([ASKED.index(asked), 3]) + message for asked, message in corpus.responses()]


def _bodies() -> list[bytes]:
    chunked = [message.partition(b"\r\n\r\n")[2] for message in corpus.requests() if b"chunked" in message]
    return [b"\0\3" + body for body in dict.fromkeys(chunked)] + [b"\x15\3hello", b"\2\3hello"]


def _sessions() -> list[bytes]:
    requests = [message + SERVED + SAYS + PROBE + SERVED + OTHER + PROBE + SERVED for message in corpus.requests()]
    responses = [
        corpus.REQUESTS[asked] + SERVER + message + ending + SAYS + PROBE + SERVED + OTHER + PROBE + SERVED
        for asked, message in corpus.responses()
        for ending in (OPERATION + b"s", b"")
    ]
    early = [
        head + SERVER + b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno" + ending + SAYS + body + PROBE + SERVED
        for head, body in (
            (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", b"hello"),
            (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", b"hello\r\n0\r\n\r\n"),
        )
        for ending in ENDINGS
    ]
    return [*requests, *responses, *early]
