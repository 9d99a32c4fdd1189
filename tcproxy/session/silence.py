"""Silence: when a side of a session has said nothing, or taken nothing, for too long, and what that means.

The rules are the reference's. Reading and writing are two timeouts, which may strike together. A timeout of reading
counts as a FIN from that side; one of writing closes it. What is passed to a side counts as its life, too,
unless `option independent-streams` says otherwise. A silent client does not stop an attempt to connect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.session.ends import End
from tcproxy.session.stages import CLIENT_TIMEOUT, GREETING, RELAYING, SERVER_TIMEOUT
from tcproxy.session.telling import refuse

if TYPE_CHECKING:
    from tcproxy.session.session import Session


def check(session: Session, now: float) -> None:
    """Act on what is due at `now`."""
    client, link = session.client, session.link
    limit = session.client_limit
    if limit and not session.client_done and client.reading and now >= _last_activity(session, client) + limit:
        _client_silent(session)
    if limit and not session.client_shut and _stalled(client, limit, now):
        _client_stalled(session)
    limit = session.server_limit
    if not limit or link is None or session.stage is not RELAYING:
        return
    if not session.server_done and link.reading and now >= _last_activity(session, link) + limit:
        _server_silent(session, link)
    if not session.server_shut and _stalled(link, limit, now):
        _server_stalled(session)


def next_deadline(session: Session, now: float) -> float:
    """Return when something may be due, `session.expires` included: never later, sometimes earlier."""
    at = session.expires
    if session.client_limit:
        at = min(at, _silence_of(session, session.client, session.client_limit, now))
    if session.server_limit:
        at = min(at, _silence_of(session, session.link or session.client, session.server_limit, now))
    return at


def _silence_of(session: Session, end: End, limit: float, now: float) -> float:
    """Return when the end will have been silent, or stalled, too long; a full limit later where neither is in force."""
    since = end.stalled_since
    at = _last_activity(session, end) + limit
    if at <= now:
        at = now + limit
    return at if since is None or since + limit <= now else min(at, since + limit)


def _stalled(end: End, limit: float, now: float) -> bool:
    since = end.stalled_since
    return since is not None and now >= since + limit


def _last_activity(session: Session, end: End) -> float:
    """Return since when a side is silent."""
    client, link, backend = session.client, session.link, session.backend
    if link is None or backend is None:
        return client.stamp
    if session.frontend.independent if end is client else backend.independent:
        return end.stamp
    return max(client.stamp, link.stamp)


def _client_silent(session: Session) -> None:
    if session.stage is GREETING:
        refuse(session, "Timeout while waiting for PROXY protocol header", left=not session.greeting.started)
        return
    _time_out(session, CLIENT_TIMEOUT)
    session.client.mute()
    session.finish_client()


def _client_stalled(session: Session) -> None:
    _time_out(session, CLIENT_TIMEOUT)
    session.client_done = True
    session.close_client()


def _server_silent(session: Session, link: End) -> None:
    _time_out(session, SERVER_TIMEOUT)
    link.mute()
    if session.server_shut:
        session.close_link()
    session.server_done = True


def _server_stalled(session: Session) -> None:
    _time_out(session, SERVER_TIMEOUT)
    session.close_link(reset=True)


def _time_out(session: Session, letter: str) -> None:
    """Note a timeout, and count it as an abort of its side: only the first, as the reference does."""
    if session.error:
        return
    session.decide(letter)
    if letter == CLIENT_TIMEOUT:
        session.frontend.aborted_by_client(session)
    else:
        session.frontend.aborted_by_server(session)
