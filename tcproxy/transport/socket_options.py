"""Socket options of clients' and servers' connections: which words of a configuration set which of them.

(Manual 3.2, `tune.rcvbuf.client` and its kin; 4.2, `option clitcpka` and `srvtcpka`; 5.2, `tcp-ut`.) Options of
listening sockets stand in binding.py, source addresses in sources.py.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping
from operator import methodcaller

from tcproxy.grammar.addresses import Family
from tcproxy.model.proxy import KeepAlive, Proxy
from tcproxy.model.server import Server
from tcproxy.transport.binding import TCP_USER_TIMEOUT

Tune = Callable[[socket.SocketType], None]
"""Sets something on a new socket."""

LOCAL = (Family.UNIX, Family.ABNS, Family.SOCKPAIR)


def client_tune(proxy: Proxy, tune: Mapping[str, int], family: int) -> Tune | None:
    """Return what sets the options of an accepted connection that its listening socket does not pass on, or None.

    tune: the `tune.*` words of the global section. family: of the listening socket.
    """
    tunes: list[Tune] = []
    if proxy.client_keepalive.on and family != socket.AF_UNIX:
        tunes.append(keepalive(proxy.client_keepalive))
    tunes += buffers(tune, "client")
    return _joined(tunes)


def server_tunes(model: Server, proxy: Proxy, tune: Mapping[str, int]) -> list[Tune]:
    """Return what sets the options of a socket towards a server, by the words of its server line and its proxy."""
    if (model.socks4 or model.address).family in LOCAL:
        return buffers(tune, "server")
    tunes: list[Tune] = [_no_delay]
    if proxy.server_keepalive.on:
        tunes.append(keepalive(proxy.server_keepalive))
    if model.tcp_ut:
        tunes.append(lambda sock: sock.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, model.tcp_ut))
    return [*tunes, *buffers(tune, "server")]


def buffers(tune: Mapping[str, int], side: str) -> list[Tune]:
    """Return what sets the kernel's buffers of one side, "client" or "server"."""
    options = ((socket.SO_SNDBUF, f"tune.sndbuf.{side}"), (socket.SO_RCVBUF, f"tune.rcvbuf.{side}"))
    return [_buffer(option, tune[word]) for option, word in options if tune.get(word)]


def _buffer(option: int, size: int) -> Tune:
    return lambda sock: sock.setsockopt(socket.SOL_SOCKET, option, size)


def delay_ack(sock: socket.SocketType) -> None:
    """Let the first acknowledgement travel with data (`option tcp-smart-accept`, `option tcp-smart-connect`)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)


def acknowledge(sock: socket.SocketType) -> None:
    """Acknowledge now what `delay_ack` has put off."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def keepalive(words: KeepAlive) -> Tune:
    """Return what turns keep-alive probes on, with the count and the times that are configured."""
    options = [
        (option, value)
        for option, value in (
            (socket.TCP_KEEPCNT, words.count),
            (socket.TCP_KEEPIDLE, words.idle),
            (socket.TCP_KEEPINTVL, words.interval),
        )
        if value
    ]

    def tune(sock: socket.SocketType) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in options:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)

    return tune


_no_delay: Tune = methodcaller("setsockopt", int(socket.IPPROTO_TCP), socket.TCP_NODELAY, 1)


def _joined(tunes: list[Tune]) -> Tune | None:
    if len(tunes) < 2:
        return tunes[0] if tunes else None

    def tune(sock: socket.SocketType) -> None:
        for one in tunes:
            one(sock)

    return tune


TCP_REPAIR = 19
"""linux/tcp.h: the kernel sends nothing for a socket in this mode. It takes CAP_NET_ADMIN."""


def silence(sock: socket.socket) -> None:
    """Let the kernel send nothing any more for a socket that is about to be closed.

    Where that is not allowed, what it sends reaches no farther than the next router (TTL 1), as in HAProxy.
    """
    try:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        return
    except OSError:
        pass  # no right to do so, or a UNIX socket
    try:
        if sock.family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 1)
        elif sock.family is socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    except OSError:
        pass  # it is gone


def set_mark(sock: socket.socket, value: int) -> None:
    """Set the firewall's mark of a socket's packets; it takes CAP_NET_ADMIN."""
    _set(sock, socket.SOL_SOCKET, socket.SO_MARK, value & 0xFFFFFFFF)


def set_type_of_service(sock: socket.socket, value: int) -> None:
    """Set the type of service of a socket's packets, which IPv6 calls the traffic class."""
    if sock.family is socket.AF_INET6:
        _set(sock, socket.IPPROTO_IPV6, socket.IPV6_TCLASS, value)
    elif sock.family is socket.AF_INET:
        _set(sock, socket.IPPROTO_IP, socket.IP_TOS, value)


def _set(sock: socket.socket, level: int, option: int, value: int) -> None:
    try:
        sock.setsockopt(level, option, struct.pack("I", value & 0xFFFFFFFF))
    except OSError:
        pass  # there is no right to do so, or the socket is gone
