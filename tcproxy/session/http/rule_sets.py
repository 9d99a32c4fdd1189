"""Rule sets of HTTP at work: what sessions offer to actions, and the steps that the rules of sections become."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tcproxy.guards import GuardedCalls
from tcproxy.model.proxy import Proxy
from tcproxy.model.redirects import Redirect
from tcproxy.model.replies import Reply
from tcproxy.rules.actions.rows import Act, Ends, Text
from tcproxy.rules.sets import RESPONSES, SetKind
from tcproxy.samples.formats import Format
from tcproxy.session import rule_sets
from tcproxy.session.http import (
    adjusting,
    answers,
    captures,
    changes,
    contents,
    own_answers,
    redirects,
    refusals,
    rejections,
    request_body,
    response_body,
    retries,
    texts,
)
from tcproxy.session.http.state import Exchange, ResponseEdit, Rule
from tcproxy.session.rule_sets import SessionAssembly
from tcproxy.session.stages import PROXY
from tcproxy.wire.http1 import ResponseHead


class HttpAssembly(SessionAssembly):
    """What makes actions (rules/actions/rows.py). front: the frontend. owner: the section that has the rules."""

    def __init__(self, kind: SetKind, front: Proxy, owner: Proxy, hints: Iterable[bool] = ()) -> None:
        """hints: of each `early-hint` in the set, whether no other follows at once."""
        super().__init__(kind, front, owner)
        self.fits = changes.fitting(kind)
        self.failed = changes.failing(kind, self)
        self.note_line = changes.note_line
        self.malformed = adjusting.malformed
        self.log_level = adjusting.log_level  # type: ignore[method-assign]
        self.mark = adjusting.mark  # type: ignore[method-assign]
        self.type_of_service = adjusting.type_of_service  # type: ignore[method-assign]
        self.set_timeout = adjusting.set_timeout
        self.set_priority = adjusting.set_priority  # type: ignore[method-assign]
        self._hints = iter(hints)

    def begin_captures(self, exchange: Exchange) -> Any:
        """Return the empty slots of an exchange that nothing was captured of yet."""
        exchange.captured = captures.nothing_captured(self.front)
        return exchange.captured

    def early_hint(self, name: bytes, text: Text) -> Act:
        """Return what sends a header in a response 103, together with those that follow at once."""
        return adjusting.early_hint(name, text, next(self._hints))

    def wait_for_body(self, time: int, least: int) -> Act:
        """Return what waits for a body."""
        if self.kind is SetKind.HTTP_RESPONSE:
            return response_body.waiting_by_rule(time / 1000, least)
        return request_body.waiting_by_rule(time / 1000, least)

    def text(self, form: Format) -> Text:
        """Return the function that writes a format."""
        return texts.written(form)

    def strictness(self, strict: bool) -> Act:
        """Return what begins, or ends, the strict mode."""
        return changes.of_strictness(self, strict)

    def redirect(self, rule: Redirect, form: Format | None) -> Act:
        """Return what sends the client elsewhere; it returns True where the rule does not apply."""
        return redirects.redirecting(rule, self.text(form) if form is not None else None, self.kind)

    def answer(self, status: int, reply: Reply | None) -> Act:
        """Return what answers in the server's place."""
        return own_answers.answering(status, reply, self.owner, self.kind)

    def authenticate(self, realm: str) -> Act:
        """Return what asks the client for a name and a password."""
        return own_answers.authenticating(realm, self.front, self.owner)

    def reject(self) -> Act:
        """Return what closes the client's connection without an answer."""
        if self.kind is SetKind.HTTP_REQUEST:
            return rejections.reject
        return contents.reject_response if self.kind is SetKind.TCP_RESPONSE else contents.reject

    def drop(self) -> Act:
        """Return what forgets the client's connection, of which the client hears nothing."""
        if self.kind is SetKind.TCP_CONTENT:
            return contents.drop
        return rejections.drop_at_response if self.kind is SetKind.HTTP_RESPONSE else rejections.drop

    def reason(self, status: int) -> bytes:
        """Return the reason phrase of a status."""
        return answers.any_reason(status)

    def deny(self, status: int, reply: Reply | None) -> Act:
        """Return what refuses a message: with this answer, or the page of the status."""
        if self.kind is SetKind.HTTP_RESPONSE:
            return refusals.denying_responses(status, reply, self.owner)
        return refusals.denying(status, reply, self.front, self.owner)

    def tarpit(self, status: int, reply: Reply | None) -> Act:
        """Return what refuses a request after `timeout tarpit`."""
        return refusals.tarpitting(status, reply, self.front, self.owner)

    def speak_http(self) -> Act:
        """Return what does nothing: HTTP is spoken already."""
        return lambda exchange: None

    def close_server(self) -> Act:
        """Return what closes the link."""
        return contents.close_server

    def plugged(self, plugin: GuardedCalls, parsed: object) -> Act:
        """Return what does the action of a plugin."""
        from tcproxy.session.http.plugged import acting

        may_reject = self.kind not in RESPONSES
        return acting(plugin, parsed, self.kind, self.reject() if may_reject else None, self.fits)

    def serve(self, plugin: GuardedCalls) -> Act:
        """Return what lets the service of a plugin answer."""
        from tcproxy.session.http.services import serving

        return serving(plugin, (self.front.timeouts or {}).get("http-request", 0) / 1000)

    def export(self) -> Act:
        """Return what answers with statistics for Prometheus."""
        from tcproxy.session.http.exporter import export

        return export

    def keep_no_copy(self) -> Act:
        """Return what sees that a request is not sent again."""
        return retries.forbid


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


def use_servers(front: Proxy, back: Proxy) -> Rule | None:
    """Return the step that takes the `use-server` rules of a backend; None without any."""
    return rule_sets.use_servers(back, texts.written)


def of_responses(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return the edit that `http-response` rules make: those of the backend, and then those of the frontend."""
    owners = [front] if _is_one(front, back) else [back, front]
    sets = [_steps(SetKind.HTTP_RESPONSE, front, owner) for owner in owners]
    if any(rule.action.waits for owner in owners for rule in owner.rules_of(SetKind.HTTP_RESPONSE)):
        return response_body.WaitingRules(sets)
    steps = [step for some in sets for step in some]
    if not steps:
        return None

    def edit(exchange: Exchange, head: object) -> None:
        for step in steps:
            if not step(exchange):
                return

    return edit


def after_responses(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return the edit that `http-after-response` rules make: those of the backend, and then those of the frontend."""
    owners = [front] if _is_one(front, back) else [back, front]
    steps = [step for owner in owners for step in _steps(SetKind.HTTP_AFTER, front, owner)]
    if not steps:
        return None

    def edit(exchange: Exchange, head: object) -> None:
        for step in steps:
            step(exchange)

    return edit


def after_servers(front: Proxy, back: Proxy) -> ResponseEdit | None:
    """Return the same edit, for responses of servers: one that cannot be made ends in an answer of ours."""
    edit = after_responses(front, back)
    if edit is None:
        return None

    def try_edit(exchange: Exchange, head: ResponseHead) -> None:
        try:
            edit(exchange, head)
        except changes.Unwritable:
            exchange.decide(PROXY, "H")
            changes.drop_response(exchange)
            exchange.answer(changes.INTERNAL)

    return try_edit


def changes_methods(*sections: Proxy) -> bool:
    """Return whether a rule of these sections may change the method of a request."""
    return any(rule.action.name == "set-method" for one in sections for rule in one.rules_of(SetKind.HTTP_REQUEST))


def answers_responses(*sections: Proxy) -> bool:
    """Return whether an `http-response` rule of these sections may answer in the server's place."""
    rules = (rule for one in sections for rule in one.rules_of(SetKind.HTTP_RESPONSE))
    return any(rule.action.ends is Ends.ALWAYS or rule.action.name == "redirect" for rule in rules)


def takes_bodies(*sections: Proxy) -> bool:
    """Return whether a rule of these sections may make a response of a status without a body."""
    return any("status without a body" in rule.made.changes for one in sections for rule in one.every_rule())


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

    return compile_rules(rules, HttpAssembly(kind, front, owner, _last_hints(rules)))


def _last_hints(rules: Sequence[Any]) -> list[bool]:
    """Return of each `early-hint` whether it ends a response 103: any other rule, or a condition, follows."""
    after = [*rules[1:], None]
    return [
        follower is None or follower.action.name != HINT or follower.condition is not None
        for rule, follower in zip(rules, after, strict=True)
        if rule.action.name == HINT
    ]


HINT = "early-hint"


def late_timeout(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that keeps a timeout which rules of a `listen` section set before its backend was chosen."""
    sets = any(rule.action.name == "set-timeout" for rule in front.rules_of(SetKind.HTTP_REQUEST))
    return adjusting.keep_timeout if sets else None
