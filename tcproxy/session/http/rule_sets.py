"""Rule sets of HTTP at work: what sessions offer to actions, and the steps that the rules of sections become."""

from __future__ import annotations

from tcproxy.model.proxy import Proxy
from tcproxy.model.replies import Reply
from tcproxy.report import formats
from tcproxy.rules.actions.rows import Act, Text
from tcproxy.rules.sets import SetKind
from tcproxy.samples.formats import Format, Piece
from tcproxy.samples.writing import text_of
from tcproxy.session.http import contents, refusals, retries
from tcproxy.session.http.state import Exchange, ResponseEdit, Rule
from tcproxy.session.rule_sets import SessionAssembly


class HttpAssembly(SessionAssembly):
    """What makes actions (rules/actions/rows.py). front: the frontend. owner: the section that has the rules."""

    def text(self, form: Format) -> Text:
        """Return the function that writes a format."""
        return text_of(form, _variable)

    def deny(self, status: int, reply: Reply | None) -> Act:
        """Return what refuses a request: with this answer, or the page of the status."""
        return refusals.denying(status, reply, self.front, self.owner)

    def tarpit(self, status: int, reply: Reply | None) -> Act:
        """Return what refuses a request after `timeout tarpit`."""
        return refusals.tarpitting(status, reply, self.front, self.owner)

    def reject(self) -> Act:
        """Return what closes the client's connection without an answer."""
        return contents.reject_response if self.kind is SetKind.TCP_RESPONSE else contents.reject

    def speak_http(self) -> Act:
        """Return what does nothing: HTTP is spoken already."""
        return lambda exchange: None

    def close_server(self) -> Act:
        """Return what closes the link."""
        return contents.close_server

    def keep_no_copy(self) -> Act:
        """Return what sees that a request is not sent again."""
        return retries.forbid


def _variable(piece: Piece) -> Text:
    """Return what writes one variable of a format."""
    sign = "+" if piece.flags else ""
    form = formats.compile_payload(f"%{{{sign}{',+'.join(sorted(piece.flags))}}}{piece.variable}")

    def write(exchange: Exchange) -> bytes:
        record = exchange.settings.record(exchange, form.needs)
        return form.render(formats.blanked(record)).encode("utf-8", "surrogateescape")

    return write


def of_frontend(front: Proxy) -> tuple[Rule, ...]:
    """Return the steps of a frontend's `http-request` rules."""
    return _steps(SetKind.HTTP_REQUEST, front, front)


def of_backend(front: Proxy, back: Proxy) -> tuple[Rule, ...]:
    """Return the steps of a backend's `http-request` rules; a `listen` section has done them as a frontend."""
    return () if _is_one(front, back) else _steps(SetKind.HTTP_REQUEST, front, back)


def first_of_frontend(front: Proxy) -> tuple[Rule, ...]:
    """Return the steps of a frontend's `tcp-request content` rules, which come before all others.

    In TCP mode they have looked at a client's first request already, before it spoke HTTP.
    """
    steps = _contents(front, front)
    return steps if front.mode == "http" else tuple(map(_but_for_the_first, steps))


def _but_for_the_first(rule: Rule) -> Rule:
    return lambda exchange: exchange.first or rule(exchange)


def first_of_backend(front: Proxy, back: Proxy) -> tuple[Rule, ...]:
    """Return the steps of a backend's `tcp-request content` rules; a `listen` section has done them as a frontend."""
    return () if _is_one(front, back) else _contents(front, back)


def _contents(front: Proxy, owner: Proxy) -> tuple[Rule, ...]:
    if not contents.wait(owner):
        return _steps(SetKind.TCP_CONTENT, front, owner)
    assembly = HttpAssembly(SetKind.TCP_CONTENT, front, owner)
    return (contents.inspecting(owner.rules_of(SetKind.TCP_CONTENT), assembly, owner.request_delay / 1000),)


def of_servers(front: Proxy, back: Proxy) -> tuple[Rule, ...]:
    """Return the steps of a backend's `tcp-response content` rules."""
    return _steps(SetKind.TCP_RESPONSE, front, back)


def of_responses(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return the edit that `http-response` rules make: those of the backend, and then those of the frontend."""
    owners = [front] if _is_one(front, back) else [back, front]
    steps = [step for owner in owners for step in _steps(SetKind.HTTP_RESPONSE, front, owner)]
    if not steps:
        return None

    def edit(exchange: Exchange, head: object) -> None:
        for step in steps:
            if not step(exchange):
                return

    return edit


def may_wait(section: Proxy) -> bool:
    """Return whether an `http-request` or `tcp-request content` rule of a section may wait."""
    every = [*section.rules_of(SetKind.HTTP_REQUEST), *section.rules_of(SetKind.TCP_CONTENT)]
    return any(rule.action.waits for rule in every) or contents.wait(section)


def _is_one(front: Proxy, back: Proxy) -> bool:
    return back.is_frontend and back.name == front.name


def _steps(kind: SetKind, front: Proxy, owner: Proxy) -> tuple[Rule, ...]:
    rules = owner.rules_of(kind)
    if not rules:
        return ()
    from tcproxy.rules.compiling import compile_rules  # a configuration without rules needs none of it

    return compile_rules(rules, HttpAssembly(kind, front, owner))
