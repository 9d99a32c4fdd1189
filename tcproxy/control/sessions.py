"""Commands about sessions: list them, look at one, end one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tcproxy.control.command_rows import Answer, CommandError, CommandLine, CommandRow, Level
from tcproxy.session.stages import NEVER

if TYPE_CHECKING:
    from tcproxy.session.ends import End
    from tcproxy.session.session import TcpSession
    from tcproxy.session.settings import World

NOBODY = "<none>"


def _age(seconds: float) -> str:
    """Return a duration in two units at the most, as `1m5s`."""
    left = int(seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"


def _protocol(session: TcpSession) -> str:
    packed = session.source
    return {0: "unix_stream", 4: "tcpv4"}.get(len(packed), "tcpv6")


def _client(session: TcpSession) -> str:
    try:
        host, port = session.client_address
    except OSError:
        return "?"
    return f"{host}:{port}"


def _line(session: TcpSession, now: float) -> str:
    backend = session.backend.name if session.backend is not None else NOBODY
    server = session.server.name if session.server is not None else NOBODY
    state = (session.error or "-") + (session.phase or "-")
    return (
        f"0x{session.number:x}: proto={_protocol(session)} src={_client(session)} fe={session.frontend.name} "
        f"be={backend} srv={server} ts={state} age={_age(now - session.began)} rq[i={_held(session.client)}] "
        f"rp[i={_held(session.link)}] scf=[fd={_descriptor(session.client)}] scb=[fd={_descriptor(session.link)}] "
        f"exp={_left(session.expires, now)} rc={session.retries}\n"
    )


def _held(end: End | None) -> int:
    """Return how many bytes that were read from one side no end has taken yet."""
    return len(getattr(end, "held", b"") or b"")


def _descriptor(end: End | None) -> int:
    """Return the number of the descriptor of one side, -1 where there is none."""
    return int(getattr(getattr(end, "transport", None), "fd", -1))


def _left(until: float, now: float) -> str:
    """Return the time until a session's own deadline, as for its queue or its attempt to connect; "" without one."""
    return _age(max(until - now, 0.0)) if until < NEVER else ""


def _described(session: TcpSession, now: float) -> str:
    """Return several lines about one session."""
    read = session.link.bytes_read if session.link is not None else 0
    lines = [
        f"0x{session.number:x}: id={session.number} proto={_protocol(session)} source={_client(session)}",
        f"  frontend={session.frontend.name} (id={session.frontend.model.id} mode={session.frontend.model.mode}), "
        f"listener={session.bind.name} (id={session.bind.model.id})",
        "  backend=<NONE> (id=-1 mode=-)"
        if session.backend is None
        else f"  backend={session.backend.name} (id={session.backend.model.id} mode={session.backend.model.mode})",
        "  server=<NONE> (id=-1)"
        if session.server is None
        else f"  server={session.server.name} (id={session.server.id})",
        f"  stage={session.stage.name} age={_age(now - session.began)} exp={_left(session.expires, now)} "
        f"conn_retries={session.retries}",
        f"  client=(fd={_descriptor(session.client)} held={_held(session.client)}) "
        f"link=(fd={_descriptor(session.link)} held={_held(session.link)})",
        f"  bytes from client={session.client.bytes_read} from server={read}",
    ]
    return "\n".join(lines) + "\n"


def show_sess(command: CommandLine) -> Answer:
    """List the sessions, or tell more about one, or about all."""
    word, world = command.word(0), command.world
    number = _identity(word)
    if word == "all" or number is None:
        return _each(world, _described if word == "all" else _line)
    session = world.sessions.get(number)
    if session is None:
        return "Session not found.\n"
    return _described(session, world.clock.seconds())


def _each(world: World, describe: Callable[[TcpSession, float], str]) -> Iterator[str]:
    """Describe all sessions that there are when their turn comes."""
    for number in list(world.sessions):
        session = world.sessions.get(number)
        if session is not None:
            yield describe(session, world.clock.seconds())


def _identity(word: str) -> int | None:
    """Return the number of a session as `show sess` prints it, or None for another word."""
    try:
        return int(word, 0)
    except ValueError:
        return None


def shutdown_session(command: CommandLine) -> Answer:
    """End one session."""
    if not command.word(0):
        raise CommandError("Session pointer expected (use 'show sess').")
    session = command.world.sessions.get(_identity(command.word(0)) or 0)
    if session is None:
        raise CommandError("No such session (use 'show sess').")
    try:
        session.shut("K")
    except Exception as error:  # it ends all the same
        session.crashed(error)
    return ""


COMMANDS = (
    CommandRow("show sess", show_sess, "[<id>|all]", "list the sessions, or describe one or all", Level.OPERATOR),
    CommandRow("shutdown session", shutdown_session, "<id>", "end one session", Level.ADMIN),
)
