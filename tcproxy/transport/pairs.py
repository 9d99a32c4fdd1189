"""Addresses of the form sockpair@N (manual 11): each connection is a socket that travels through descriptor N.

N is one end of a pair of UNIX sockets that the process was started with. To connect is to make a pair, keep
one end and send the other; to accept is to receive one.
"""

from __future__ import annotations

import errno
import os
import socket

PAYLOAD = bytes(8)
"""A descriptor travels with at least one byte; HAProxy sends eight."""


def connect_pair(number: int) -> socket.SocketType:
    """Return a non-blocking connection, whose other end was sent through the descriptor. Raises OSError."""
    ours, theirs = socket.socketpair()
    with theirs, socket.socket(fileno=os.dup(number)) as carrier:
        try:
            socket.send_fds(carrier, [PAYLOAD], [theirs.fileno()], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            ours.close()
            raise
    ours.setblocking(False)
    return socket.SocketType(socket.AF_UNIX, socket.SOCK_STREAM, 0, ours.detach())


def accept_pair(carrier: socket.socket) -> tuple[int, str]:
    """Return the descriptor of the next connection, as socket._accept does. Raises OSError."""
    data, descriptors, _, _ = socket.recv_fds(carrier, len(PAYLOAD), 1, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC)
    if descriptors:
        return descriptors[0], ""
    # without a byte the other side is gone for good: nothing will come any more
    raise OSError(errno.EAGAIN if data else errno.EPIPE, "no connection came through the pair")
