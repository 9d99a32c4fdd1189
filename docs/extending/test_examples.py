"""Tests of both examples, by plain calls: `pytest test_examples.py`."""

from dataclasses import dataclass

from checker_example import redis_ping
from strategy_example import least_recent
from zope.interface.verify import verifyObject

from tcproxy.interfaces import CheckStatus, IBalancingStrategy, IConversation, IHealthChecker, IPicker


@dataclass(eq=False)
class Server:
    """What this strategy asks of an IServer."""

    name: str
    usable: bool = True
    saturated: bool = False


def test_they_are_complete():
    """Each object has what its interface asks for, and so has what it makes."""
    assert verifyObject(IBalancingStrategy, least_recent)
    assert verifyObject(IPicker, least_recent.picker([], hashing=None, options=1))
    assert verifyObject(IHealthChecker, redis_ping)
    assert verifyObject(IConversation, redis_ping.conversation(server=None, options=""))


def test_a_loading_redis_is_down():
    """An error is told in the words of the server, however its answer is cut into pieces."""
    conversation = redis_ping.conversation(server=None, options=redis_ping.parse([]))
    assert conversation.connected() == b"PING\r\n"
    assert conversation.received(b"-LOAD") is None
    assert conversation.received(b"ING wait\r\n").status is CheckStatus.L7_STATUS


def test_a_server_rests_after_its_sessions():
    """With `least-recent(2)` each server gets two sessions in a row; one that is down gets none."""
    servers = [Server("a"), Server("b"), Server("c", usable=False)]
    picker = least_recent.picker(servers, hashing=None, options=least_recent.parse(["(2)"]))
    picked = ""
    for _ in range(6):
        server = picker.pick(request=None, avoid=None)
        picker.took(server)
        picked += server.name
    assert picked == "aabbaa"
