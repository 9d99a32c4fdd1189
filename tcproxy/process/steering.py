"""Leading every new client to this process, before an older one closes its sockets on the same port.

Sockets that share a port (SO_REUSEPORT) form a group, and the kernel spreads new clients over it. Clients that wait
at a socket are reset when it is closed. A filter of one instruction (socket(7), SO_ATTACH_REUSEPORT_CBPF) tells the
kernel the number of the socket that gets all new clients. This process joined the group last, so its socket has the
highest number. When the older sockets have left, no socket has that number, and the kernel spreads clients as before.

On a system without such filters nothing is changed: a few clients of a busy site may be reset.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable

SO_ATTACH_REUSEPORT_CBPF = 51
SO_DETACH_REUSEPORT_BPF = 68
"""asm-generic/socket.h; Python does not name them."""
BPF_RETURN = 0x06
LISTENING = "0A"


def lead_here(listeners: Iterable[socket.socket]) -> None:
    """Let these sockets get all new clients. Each must be the last that joined its group."""
    for listener in listeners:
        members = _members(listener)
        if members > 1:
            _attach(listener, members - 1)


def spread(listeners: Iterable[socket.socket]) -> None:
    """Remove the filters that an earlier hand-over may have left at the groups of these sockets."""
    for listener in listeners:
        try:
            listener.setsockopt(socket.SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0)
        except OSError:
            pass  # there was nothing, as nearly always


def _attach(listener: socket.socket, index: int) -> None:
    instruction = ctypes.create_string_buffer(struct.pack("=HBBI", BPF_RETURN, 0, 0, index))
    # struct sock_fprog of linux/filter.h: how many instructions, and where they are
    program = struct.pack("@HP", 1, ctypes.addressof(instruction))
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program)
    except OSError:
        pass


def _members(listener: socket.socket) -> int:
    """Return how many sockets listen on the address of this one; 0 where that cannot be known."""
    if listener.family not in (socket.AF_INET, socket.AF_INET6):
        return 0
    file = "/proc/net/tcp6" if listener.family == socket.AF_INET6 else "/proc/net/tcp"
    try:
        with open(file, encoding="ascii") as table:
            wanted = _as_listed(listener)
            return sum(fields[1] == wanted and fields[3] == LISTENING for fields in map(str.split, table))
    except OSError:
        return 0


def _as_listed(listener: socket.socket) -> str:
    """Return the address as /proc/net lists it: words of the host's byte order, in hexadecimal."""
    host, port = listener.getsockname()[:2]
    packed = socket.inet_pton(listener.family, host.partition("%")[0])
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
