"""haproxyadmin, a Python client of HAProxy's command socket, with tcproxy's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import TCPROXY, program, wait_for

CONFIGURATION = """
global
    maxconn 1000
    stats socket {folder}/ctl level admin
defaults
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
frontend front
    bind {folder}/web
    default_backend back
backend back
    server s1 127.0.0.1:9 disabled
    server s2 127.0.0.1:9 weight 20
"""


def test_it_reads_and_changes_what_there_is(tmp_path: Path) -> None:
    """Frontends, backends and servers are found, told apart, disabled, drained, weighed and enabled again."""
    haproxy = pytest.importorskip("haproxyadmin.haproxy")
    (tmp_path / "a.cfg").write_text(CONFIGURATION.format(folder=tmp_path))
    with program(TCPROXY, "-db", "-f", str(tmp_path / "a.cfg")):
        wait_for((tmp_path / "ctl").exists, what="the socket")
        client = haproxy.HAProxy(socket_file=str(tmp_path / "ctl"), timeout=20)
        assert client.version.startswith("2.6.12") and client.metric("Maxconn") == 1000
        assert [one.name for one in client.frontends()] == ["front"]
        servers = [(one.name, one.status) for one in client.backend("back").servers()]
        assert servers == [("s1", "MAINT"), ("s2", "no check")]
        front, server = client.frontend("front"), client.server("s2")[0]
        front.disable()
        assert front.status == "PAUSED"
        front.enable()
        front.setmaxconn(99)
        assert (front.status, front.maxconn) == ("OPEN", 99)
        for word, status in (("disable", "MAINT"), ("enable", "no check"), ("drain", "DRAIN"), ("ready", "no check")):
            server.setstate(word)
            assert (word, server.status) == (word, status)
        server.setweight("50%")
        assert int(server.weight) == 10
        client.setmaxconn(500)
        assert client.maxconn == 500
