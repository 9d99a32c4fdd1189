"""A server that answers and resets within a request: what it said before is read when a write to it has failed."""

from __future__ import annotations

import pytest

from tests.transport.http1.memory import MemoryProxy, PipeSocket, in_memory

LENGTH = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"
CHUNKS = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
ANSWER = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nok"


def resets(proxy: MemoryProxy, request: bytes, answer: bytes, more: bytes) -> PipeSocket:
    """Let a server say something and reset within a request, of which more comes then; return its client."""
    client = proxy.connect()
    proxy.says(client, request)
    link = proxy.links[0]
    if answer:
        link.inbox.append(answer)
    link.deaf = link.ended = True
    proxy.says(client, more)
    return client


@pytest.mark.parametrize(("request_", "more"), [(LENGTH, b"def"), (CHUNKS, b"3\r\ndef\r\n")])
def test_an_answer_before_a_reset_is_passed_on(request_: bytes, more: bytes) -> None:
    """The client has the whole answer, and the line tells of it and of the server's abort."""
    with in_memory() as proxy:
        client = resets(proxy, request_, ANSWER, more)
        proxy.pass_time(20)
        assert client.sent.startswith(b"HTTP/1.1 413 ") and client.sent.endswith(b"\r\n\r\nok")
        assert [line[:6] for line in proxy.lines] == ["413 SD"]
        assert proxy.links[0].closed and client.closed


def test_a_reset_without_an_answer_is_one() -> None:
    """The end that is read behind a failed write is no FIN: the exchange is aborted, and nothing is answered."""
    with in_memory() as proxy:
        client = resets(proxy, LENGTH, b"", b"def")
        assert client.sent == b"" and client.closed
        assert [line[:5] for line in proxy.lines] == ["-1 SD"]


def test_a_part_of_an_answer_before_a_reset_is_passed_on() -> None:
    """An answer that is cut by the reset reaches the client as far as it came."""
    with in_memory() as proxy:
        client = resets(proxy, LENGTH, ANSWER[:-1], b"def")
        assert client.sent.endswith(b"\r\n\r\no") and client.closed
        assert [line[:6] for line in proxy.lines] == ["413 SD"]
