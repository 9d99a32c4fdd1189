"""Samples of a session's link, timeouts and state, as sessions and sockets answer them."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace
from typing import Any

import pytest

from tcproxy.grammar.statements import Origin
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import Kind, Sample, Value
from tcproxy.samples.links import ERRORS
from tcproxy.session.greeting import FAULTS
from tcproxy.transport.stream_socket import StreamSocket
from tcproxy.transport.transports import StockPoll
from tcproxy.wire.http1 import Codec, RequestReader
from tests.clocks import Clock
from tests.rules.world import client
from tests.session.plays import Stage

TIMEOUTS = "cur_server_timeout", "cur_tunnel_timeout"


def sample(text: str, facts: Any) -> Value | None:
    """Take a sample."""
    return parse_expression(text, "f").take(facts)


def samples(facts: Any, *texts: str) -> list[Value | None]:
    """Take several samples."""
    return [sample(text, facts) for text in texts]


def test_the_link_of_a_session() -> None:
    """Addresses and errors of the link are known once it is asked for, timeouts once it stands, as in HAProxy."""
    stage = Stage(answers="silent", timeouts={"tunnel": 9000, "server-fin": 3000})
    session = stage.client(data=b"x").session
    assert samples(session, *TIMEOUTS, "bc_err", "bc_err_str") == [0, 0, None, None]
    assert sample("bc_dst", session) == Sample(Kind.IPV4, bytes((192, 0, 2, 10)))
    stage.link.connected = True
    stage.link.session.connected()
    assert samples(session, *TIMEOUTS, "bc_err", "bc_err_str") == [9000, 9000, 0, b"Success"]
    assert samples(session, "bc_dst_port", "bc_src_port") == [40000, 80]
    assert sample("bc_src", session) == Sample(Kind.IPV4, bytes((192, 0, 2, 254)))
    session.client.ends()
    assert samples(session, *TIMEOUTS) == [3000, 9000]


def test_a_session_without_a_server() -> None:
    """Before a server is asked, there is no link; a link that was refused has its address and nothing else."""
    session = Stage(bind={"accept_proxy": True}).client().session.connection
    assert samples(session, "bc_dst", "bc_src_port", "bc_err", *TIMEOUTS) == [None, None, None, 0, 0]
    refused = Stage(answers="answered", retries=1)
    session = refused.client().session
    assert sample("bc_dst_port", session) == 80
    assert samples(session, "bc_err", *TIMEOUTS) == [None, 0, 0]


def test_without_tunnel_timeout() -> None:
    """`timeout server` holds in TCP mode where there is no `timeout tunnel`."""
    stage = Stage()
    assert samples(stage.client().session.stream, *TIMEOUTS) == [60_000, 0]


def test_bytes_of_a_session() -> None:
    """What came of the client is a sample until it is passed on."""
    stage = Stage(answers="silent")
    end = stage.client(data=b"ab")
    session = end.session
    assert samples(session, "req.len", "req.payload(0,0)", "payload(1,1)", "res.len") == [2, b"ab", b"b", None]
    end.says(b"c")
    assert sample("req.payload(0,0)", session) == b"abc"
    assert sample("wait_end", session) is True
    stage.link.connected = True
    stage.link.session.connected()
    assert samples(session, "req.len", "res.len", "payload(0,0)") == [0, 0, b""]


def test_bytes_do_not_exist_in_http_mode() -> None:
    """A frontend in HTTP mode, and a request, have no bytes and wait for none; a request is HTTP."""
    facts = client(request=None, data=lambda: b"abc", response_data=lambda: b"abc", wait_over=False)
    facts.frontend.model = replace(facts.frontend.model, mode="http")
    texts = ("req.payload(0,0)", "payload_lv(0,1)", "req.ssl_ver", "req.ssl_sni", "rdp_cookie")
    assert samples(facts, *texts, "distcc_param(DIST)", "req.len", "res.len") == [None] * 8
    for text in texts:
        waits = parse_expression(text, "f").waits
        assert waits is not None and not waits(facts)
    assert samples(facts, "req.proto_http", "req.rdp_cookie_cnt") == [None, 0]
    facts.request = RequestReader(Codec()).feed(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")
    facts.request_body = lambda: b"ab"
    # as HAProxy has it of this request, in its own form
    assert samples(facts, "req.proto_http", "req.len") == [True, 56]


def test_what_rules_set() -> None:
    """The last rule and the priority come from the session; nothing is measured of its cost."""
    facts = client(last_rule=Origin("a.cfg", 7), priority_class=3, priority_offset=-4)
    assert samples(facts, "last_rule_file", "last_rule_line", "prio_class", "prio_offset") == [b"a.cfg", 7, 3, -4]
    assert samples(client(last_rule=None), "last_rule_file", "last_rule_line") == [None, None]
    assert samples(facts, "cpu_ns_avg", "cpu_ns_tot", "lat_ns_avg", "lat_ns_tot") == [0] * 4
    session = Stage(answers="silent").client().session
    assert samples(session, "last_rule_file", "prio_class", "prio_offset", "fc_err") == [None, 0, 0, 0]


def test_errors_have_numbers() -> None:
    """What log lines say of a bad PROXY header is at its number of the manual."""
    texts = [*FAULTS.values(), ""]
    found = [samples(client(client_error=words), "fc_err", "fc_err_str") for words in texts]
    assert [number for number, _ in found] == [15, 14, 17, 16, 0]
    assert [words for _, words in found] == [*(words.encode() for words in FAULTS.values()), b"Success"]
    assert sample("fc_err", client(client_error="no such words")) is None
    assert len(ERRORS) == 24


def test_numbers_of_the_kernel() -> None:
    """The counters stand where tcp(7) has them, and times are rounded to milliseconds."""
    numbers = {24: 1, 28: 2, 32: 3, 36: 4, 40: 5, 68: 4674, 72: 11_499, 88: 6}
    info = bytearray(104)
    for at, number in numbers.items():
        struct.pack_into("=I", info, at, number)
    facts = client(client_tcp_info=lambda: bytes(info))
    counters = ("fc_unacked", "fc_sacked", "fc_lost", "fc_retrans", "fc_fackets", "fc_reordering")
    assert samples(facts, *counters) == [1, 2, 3, 4, 5, 6]
    assert samples(facts, "fc_rtt", "fc_rtt(ms)", "fc_rtt(us)", "fc_rttvar") == [5, 5, 4674, 11]
    assert samples(client(client_tcp_info=lambda: None), "fc_rtt", "fc_lost") == [None, None]
    assert samples(client(client_tcp_info=lambda: bytes(80)), "fc_rtt", "fc_reordering") == [0, None]
    with pytest.raises(ValueError, match="none of ms and us"):
        parse_expression("fc_rtt(s)", "f")


def test_the_kernel_knows_tcp_alone() -> None:
    """A TCP connection has a round trip time and a degree of reordering; a UNIX socket, or a closed one, nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as there:
        here = listener.accept()[0]
        here.send(b"x")
        there.recv(1)
        transport = StreamSocket(StockPoll(Clock()), here)
        facts = client(client_tcp_info=transport.tcp_info)
        round_trip, *rest = samples(facts, "fc_rtt(us)", "fc_rtt", "fc_lost")
        assert isinstance(round_trip, int) and 0 < round_trip < 1_000_000
        assert rest == [(round_trip + 500) // 1000, 0]
        (reordering,) = samples(facts, "fc_reordering")
        assert isinstance(reordering, int) and 3 <= reordering <= 300, "3, or what the system learned of this host"
        here.close()
        assert transport.tcp_info() is None
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert StreamSocket(StockPoll(Clock()), one).tcp_info() is None
