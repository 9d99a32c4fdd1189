"""Listening sockets from a Bind of the model: every address family and every option of `bind` (manual 5.1).

Sockets are made before privileges are dropped; they listen at once, so that clients may queue, and nobody accepts
before the Listener is started (listeners.py). What is wrong is raised as BindError, with the line at fault.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from tcproxy.grammar.addresses import Address, Family, abstract_name
from tcproxy.grammar.statements import Origin
from tcproxy.model.bind import Bind

# linux/in.h, linux/in6.h, linux/tcp.h: not named by every Python that we run on
IP_FREEBIND = getattr(socket, "IP_FREEBIND", 15)
IP_TRANSPARENT = getattr(socket, "IP_TRANSPARENT", 19)
IPV6_TRANSPARENT = getattr(socket, "IPV6_TRANSPARENT", 75)
TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", 18)
TCP_FASTOPEN = getattr(socket, "TCP_FASTOPEN", 23)
DEFERRED = 1
"""Seconds that the kernel waits for a client's first bytes with `defer-accept`; HAProxy sets the same."""


class BindError(Exception):
    """An address cannot be listened on: a sentence, the line that asks for it, and the errno."""

    def __init__(self, message: str, origin: Origin, code: int = 0) -> None:
        super().__init__(message)
        self.origin = origin
        self.errno = code


def describe(bind: Bind) -> str:
    """Return the address as messages name it."""
    address = bind.address
    if address.family is Family.UNIX:
        return address.host
    if address.family in (Family.FD, Family.ABNS, Family.SOCKPAIR):
        return f"{address.family.value}{address.host}"
    host = address.host or ("::" if address.family is Family.INET6 else "0.0.0.0")
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"


def listen(
    bind: Bind, backlog: int, inherited: Mapping[str, int] | None = None, smart: bool = False
) -> socket.socket:
    """Return a listening, non-blocking socket. `inherited`: descriptors handed over, by `describe` of their bind.

    A UNIX socket listens under a name of its own until `publish` gives it its path.
    smart: whether the first acknowledgement of a client's data waits for ours (`option tcp-smart-accept`).
    Raises BindError.
    """
    try:
        sock = _listen(bind, backlog, inherited or {})
        if smart and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        return sock
    except OSError as error:
        words = error.strerror or str(error)
        raise BindError(f"cannot listen on {describe(bind)}: {words}", bind.origin, error.errno or 0) from error


def _listen(bind: Bind, backlog: int, inherited: Mapping[str, int]) -> socket.socket:
    family = bind.address.family
    if family is Family.SOCKPAIR:
        return _pair(bind)
    given = inherited.get(describe(bind))
    if given is not None:
        return _adopt(os.dup(given), bind, backlog)
    if family is Family.FD:
        return _adopt(_own_copy(bind), bind, backlog)
    if family is Family.UNIX:
        return _listen_unix(bind, backlog)
    if family is Family.ABNS:
        return _listen_at(socket.AF_UNIX, abstract_name(bind.address.host), bind, backlog)
    kind = socket.AF_INET6 if _is_inet6(bind.address) else socket.AF_INET
    return _listen_at(kind, (bind.address.host, bind.address.port), bind, backlog)


def _is_inet6(address: Address) -> bool:
    return address.family is Family.INET6 or ":" in address.host


def _own_copy(bind: Bind) -> int:
    """Return our own descriptor for `fd@N`: the same number may stand on several lines and in a later start."""
    try:
        return os.dup(int(bind.address.host))
    except ValueError:
        raise BindError(f"fd@{bind.address.host} is not a number", bind.origin) from None


def _pair(bind: Bind) -> socket.socket:
    """Return our own descriptor of a socket through which connections come (sockpair@N); it listens by itself."""
    sock = socket.socket(fileno=_own_copy(bind))
    sock.setblocking(False)
    return sock


def _adopt(fd: int, bind: Bind, backlog: int) -> socket.socket:
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    if sock.type != socket.SOCK_STREAM:
        sock.close()
        raise OSError(errno.ENOTSOCK, "the inherited descriptor is no stream socket")
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _set_tcp_options(sock, bind, backlog)
    sock.listen(backlog)
    return sock


def _listen_at(kind: int, name: object, bind: Bind, backlog: int) -> socket.socket:
    sock = socket.socket(kind, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if kind != socket.AF_UNIX:
            _set_options(sock, bind)
            _set_tcp_options(sock, bind, backlog)
        sock.bind(name)  # type: ignore[arg-type]
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def _set_options(sock: socket.socket, bind: Bind) -> None:
    """Set what must be set before bind(). Accepted connections inherit TCP_NODELAY, TCP_USER_TIMEOUT and TCP_MAXSEG."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # lets the next process bind while this one still serves
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sock.family == socket.AF_INET6 and (bind.v6only or bind.v4v6):
        # without either word the system's setting counts
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bind.v6only))
    if bind.interface:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, bind.interface.encode() + b"\0")
    if bind.transparent:
        _set_transparent(sock)


def _set_tcp_options(sock: socket.socket, bind: Bind, backlog: int) -> None:
    """Set what inherited sockets get, too."""
    if bind.mss:
        _set_mss(sock, bind.mss)
    for option, value in (
        (TCP_USER_TIMEOUT, bind.tcp_ut),
        (socket.TCP_DEFER_ACCEPT, DEFERRED if bind.defer_accept else 0),
        (TCP_FASTOPEN, backlog if bind.tfo else 0),
    ):
        if value:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _set_transparent(sock: socket.socket) -> None:
    """Accept connections to foreign addresses; without the privilege for that, at least bind to one."""
    if sock.family == socket.AF_INET6:
        attempts = ((socket.IPPROTO_IPV6, IPV6_TRANSPARENT),)
    else:
        attempts = ((socket.SOL_IP, IP_TRANSPARENT), (socket.SOL_IP, IP_FREEBIND))  # type: ignore[assignment]
    failure: OSError | None = None
    for level, option in attempts:
        try:
            sock.setsockopt(level, option, 1)
            return
        except OSError as error:
            failure = error
    assert failure is not None
    raise failure


def _set_mss(sock: socket.socket, mss: int) -> None:
    # a negative value is the amount by which the usual one is lowered (manual, `mss`)
    if mss < 0:
        usual = 1220 if sock.family == socket.AF_INET6 else 536
        mss = max(usual, sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)) + mss
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)


def _listen_unix(bind: Bind, backlog: int) -> socket.socket:
    """Listen beside a path, under a name that ends with this process's number and `.tmp`.

    The path itself may still lead to the process before this one, which goes on if this one cannot start. A file at
    the path that is no socket is refused.
    """
    path = Path(bind.address.host)
    _refuse_other_files(path)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    sock = _listen_at(socket.AF_UNIX, str(fresh), bind, backlog)
    try:
        if bind.uid != -1 or bind.gid != -1:
            os.chown(fresh, bind.uid, bind.gid)
        if bind.mode is not None:
            fresh.chmod(bind.mode)
    except OSError:
        sock.close()
        fresh.unlink(missing_ok=True)
        raise
    return sock


def publish(bind: Bind, sock: socket.socket) -> None:
    """Give a UNIX socket of `listen` its path; whatever socket stands there is replaced. Again is no error.

    The rename leaves no moment without a listener at the path. Raises BindError.
    """
    fresh = _unpublished(bind, sock)
    if fresh is None:
        return
    try:
        fresh.replace(bind.address.host)
    except OSError as error:
        words = error.strerror or str(error)
        raise BindError(f"cannot listen on {describe(bind)}: {words}", bind.origin, error.errno or 0) from error


def withdraw(bind: Bind, sock: socket.socket) -> None:
    """Close a socket of `listen`; if it is a UNIX socket without its path yet, its file goes as well."""
    fresh = _unpublished(bind, sock)
    if fresh is not None:
        try:
            fresh.unlink()
        except OSError:
            pass  # the rights that made it are given up by now
    sock.close()


def _unpublished(bind: Bind, sock: socket.socket) -> Path | None:
    """Return the file that a UNIX socket listens at before it has its path; None for any other socket."""
    if bind.address.family is not Family.UNIX or sock.fileno() == -1:
        return None
    name = sock.getsockname()  # stays what it was at bind(), whatever the file is called later
    path = Path(bind.address.host)
    if not isinstance(name, str) or not name.startswith(f"{path}.") or not name.endswith(".tmp"):
        return None
    fresh = Path(name)
    return fresh if fresh.exists() else None


def _refuse_other_files(path: Path) -> None:
    try:
        found = path.lstat()
    except OSError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, "a file that is no socket stands there")
