"""Listening sockets: every family, every option, and what is refused."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.statements import Origin
from tcproxy.model.bind import Bind
from tcproxy.transport.binding import TCP_USER_TIMEOUT, BindError, describe, listen, publish, withdraw
from tests.running import PATIENCE
from tests.transport.running import OWN, accept, connect, inet

ORIGIN = Origin("site.cfg", 7)


def test_two_processes_may_listen_on_one_port() -> None:
    """SO_REUSEPORT lets the next process bind before this one is gone."""
    with listen(Bind(inet(0)), 5) as first:
        port = first.getsockname()[1]
        with listen(Bind(inet(port)), 5) as second:
            assert second.getsockname() == first.getsockname()


def test_an_address_in_use_is_refused_with_the_line() -> None:
    """The error names the address and the line that asks for it."""
    with socket.create_server((OWN, 0)) as taken:
        bind = Bind(inet(taken.getsockname()[1]), origin=ORIGIN)
        with pytest.raises(BindError, match=r"cannot listen on 127") as caught:
            listen(bind, 5)
    assert caught.value.origin == ORIGIN and caught.value.errno


def test_socket_options() -> None:
    """mss, tcp-ut, defer-accept, tfo, interface, transparent and v6only reach the socket."""
    bind = Bind(inet(0), mss=1000, tcp_ut=1234, defer_accept=True, tfo=True, interface="lo", transparent=True)
    with listen(bind, 5) as sock:
        option = sock.getsockopt
        assert option(socket.IPPROTO_TCP, TCP_USER_TIMEOUT) == 1234
        assert option(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) > 0
        assert option(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"
        assert option(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    with listen(Bind(Address(Family.INET6, "::", 0), v6only=True), 5) as sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    with listen(Bind(Address(Family.INET6, "::", 0), v4v6=True), 5) as sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0
        with connect(("127.0.0.1", sock.getsockname()[1])):
            pass


def test_a_unix_socket_gets_its_owner_and_mode(tmp_path: Path) -> None:
    """The path leads to a socket once that is published, with the permissions that are asked for."""
    path = tmp_path / "door"
    bind = Bind(Address(Family.UNIX, str(path)), mode=0o640, uid=os.getuid())
    with listen(bind, 5) as sock:
        assert not path.exists()
        publish(bind, sock)
        publish(bind, sock)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        with connect(str(path)), accept_from(sock):
            pass
        with listen(bind, 5) as next_one:
            with connect(str(path)), accept_from(sock):
                pass
            publish(bind, next_one)
            with connect(str(path)), accept_from(next_one):
                pass
    assert list(tmp_path.iterdir()) == [path]


def test_a_unix_socket_that_is_withdrawn_leaves_no_file(tmp_path: Path) -> None:
    """The file of a socket that was never published goes; a published one stays for whoever comes next."""
    bind = Bind(Address(Family.UNIX, str(tmp_path / "door")))
    withdraw(bind, listen(bind, 5))
    assert list(tmp_path.iterdir()) == []
    sock = listen(bind, 5)
    publish(bind, sock)
    withdraw(bind, sock)
    assert list(tmp_path.iterdir()) == [tmp_path / "door"]


def test_a_path_that_cannot_be_taken_is_told(tmp_path: Path) -> None:
    """A folder that was put at the path after the check makes publishing fail, with the address."""
    bind = Bind(Address(Family.UNIX, str(tmp_path / "door")))
    sock = listen(bind, 5)
    (tmp_path / "door").mkdir()
    with pytest.raises(BindError, match=r"cannot listen on .*/door: "):
        publish(bind, sock)
    withdraw(bind, sock)


def accept_from(sock: socket.socket) -> socket.socket:
    """Return the next connection of a non-blocking listener."""
    sock.settimeout(PATIENCE)
    return accept(sock)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    """A path where something else stands is refused, and the file stays."""
    path = tmp_path / "notes"
    path.write_text("precious")
    with pytest.raises(BindError, match="no socket"):
        listen(Bind(Address(Family.UNIX, str(path))), 5)
    assert path.read_text() == "precious" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_missing_leaves_nothing_behind(tmp_path: Path) -> None:
    """The error comes before anything is made."""
    with pytest.raises(BindError, match="cannot listen"):
        listen(Bind(Address(Family.UNIX, str(tmp_path / "missing" / "door"))), 5)
    assert not list(tmp_path.iterdir())


def test_abstract_names() -> None:
    """abns@ listens in the abstract name space, under a name of full length as HAProxy's."""
    name = f"tcproxy-test-{os.getpid()}"
    with listen(Bind(Address(Family.ABNS, name)), 5) as sock, connect(b"\0" + name.encode().ljust(107, b"\0")):
        accept_from(sock).close()


def test_inherited_descriptors() -> None:
    """fd@N adopts a copy of the descriptor; a wrong one is refused."""
    with socket.create_server(("127.0.0.1", 0)) as given:  # noqa: SIM117
        with listen(Bind(Address(Family.FD, str(given.fileno()))), 5) as sock:
            assert sock.getsockname() == given.getsockname() and sock.fileno() != given.fileno()
            with connect(given.getsockname()):
                accept_from(sock).close()
    with pytest.raises(BindError, match="fd@999"):
        listen(Bind(Address(Family.FD, "999")), 5)


def test_addresses_are_described_as_they_are_written() -> None:
    """Messages name IPv4, IPv6 and UNIX addresses."""
    assert describe(Bind(inet(80, "127.0.0.1"))) == "127.0.0.1:80"
    assert describe(Bind(inet(80, "::1"))) == "[::1]:80"
    assert describe(Bind(Address(Family.UNIX, "/run/x"))) == "/run/x"
