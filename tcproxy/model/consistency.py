"""Checks that need all sections of a configuration: names that refer to others, tracks, timeouts, words without use.

Each check tells its faults and lets the following ones run; where there was an alert, no configuration is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.rows import Draft, FormatUse, Reading, Where
from tcproxy.grammar.sections import SIDES, Section
from tcproxy.grammar.statements import Origin, Statement
from tcproxy.grammar.suggestions import nearest, suggestion
from tcproxy.model import statistics_page
from tcproxy.model.name_resolution import Resolver
from tcproxy.model.persistence import dynamic_cookie
from tcproxy.model.proxy import LOG_OPTIONS
from tcproxy.model.replies import check_formats

HTTP_LOGS = {"httplog": "tcplog", "httplog clf": "tcplog", "httplog json": "tcplog json"}
"""Options that choose a log format of HTTP mode, with what takes their place in TCP mode."""
KINDS_OF_BACKEND = ("backend", "listen")
KINDS_OF_FRONTEND = ("frontend", "listen")


def _switches_mode(draft: Draft) -> bool:
    """Return whether a rule of a section in TCP mode may go on in HTTP: then its words of HTTP count."""
    rules = draft.get("rules", {})
    return any(rule.action.name == "switch-mode" for found in rules.values() for rule in found)


class Consistency:
    """All proxies of a configuration, as drafts, and what is wrong with them.

    refused: names of proxies whose sections were refused as a whole. What a refused line would have said is not known:
    nothing that follows from its absence is told (see `Draft.lacks`).
    """

    def __init__(self, sections: Iterable[Section], reading: Reading, refused: Iterable[str] = ()) -> None:
        self.refused = frozenset(refused)
        self.proxies = [section.draft for section in sections]
        self.backends = {draft["name"]: draft for draft in self.proxies if draft["kind"] in KINDS_OF_BACKEND}
        self.reading = reading
        self.diagnostics = reading.diagnostics
        self.checked_formats: set[tuple[str, bool, str]] = set()

    def check(self) -> None:
        """Check everything: proxies out of service only as far as their servers go."""
        self._check_numbers()
        for draft in self.proxies:
            if draft.get("disabled"):
                continue
            if statistics_page.fault_of(draft):
                self._alert(f"{called(draft)} : {statistics_page.fault_of(draft)}")
            if draft.get("mode", "tcp") == "tcp" and not draft.lacks("mode"):
                self._leave_http_out(draft)
            if draft["kind"] in KINDS_OF_FRONTEND:
                self._check_frontend(draft)
            self._check_formats(draft)
            self._check_timeouts(draft)
            self._check_servers(draft)
        self._check_tracks()
        self._resolve_names()
        self._check_cookies()

    def _alert(self, message: str) -> None:
        self.diagnostics.alert(message)

    def _warn(self, message: str) -> None:
        self.diagnostics.warning(message)

    def _check_numbers(self) -> None:
        known: dict[int, Draft] = {}
        for draft in self.proxies:
            number = draft.get("id", 0)
            if number in known:
                other = known[number]
                self._alert(
                    f"[{draft['origin']}] : {called(draft)} has the id {number} of {called(other)} at {other['origin']}"
                )
            elif number:
                known[number] = draft

    def _leave_http_out(self, draft: Draft) -> None:
        """Take out of a section in TCP mode what only HTTP mode knows, and say so."""
        options = draft.get("options", frozenset())
        switches = _switches_mode(draft)
        rows = self.reading.words.at(Where(draft["kind"]))
        for name in sorted(options) if not switches else ():
            row = rows.get(f"option {name}")
            if row is not None and row.mode == "http":
                self._warn(f"{called(draft)} : 'option {name}' is ignored, because it needs 'mode http'")
                options -= {name}
        for kind, rules in draft.get("rules", {}).items():
            for rule in rules:
                if rule.reply is not None:
                    check_formats(f"{kind.words} {rule.action.name}", rule.origin, rule.reply, self.reading)
        if not switches:
            self._leave_rules_out(draft)
        for field, words in (
            *((("redirects", "'redirect' rules are"),) if not switches else ()),
            ("monitor_uri", "'monitor-uri' is"),
            *(((statistics_page.FIELD, "'stats' lines are"),) if not switches else ()),
        ):
            if draft.pop(field, None):
                self._warn(f"{called(draft)} : {words} ignored, because 'mode http' is needed")
        chosen = next((name for name in HTTP_LOGS if name in options), "")
        if chosen and draft["kind"] in KINDS_OF_FRONTEND:
            place = f"parsing [{draft['log_option_origin']}] : {called(draft)}"
            other = HTTP_LOGS[chosen]
            self._warn(f"{place} : 'option {chosen}' needs 'mode http': 'option {other}' takes its place")
            options = options - {chosen} | {other}
        if not switches and draft.pop("cookie_capture", None) is not None:
            self._warn(f"{called(draft)} : 'capture cookie' is ignored, because it needs 'mode http'")
        draft["options"] = options

    def _leave_rules_out(self, draft: Draft) -> None:
        """Take the rules out that are about messages of HTTP, and say so."""
        rules = draft.get("rules", {})
        for kind in [kind for kind in rules if kind.words.startswith("http-")]:
            self._warn(f"{called(draft)} : '{kind.words}' rules are ignored, because 'mode http' is needed")
            rules = {one: found for one, found in rules.items() if one is not kind}
        if "rules" in draft:
            draft["rules"] = rules

    def _check_formats(self, draft: Draft) -> None:
        """Check the formats of a section as its mode and its kind want them, be they its own or of its defaults."""
        http, kind = draft.get("mode", "tcp") == "http", draft["kind"]
        for word, origin in draft.get("format_origins", {}).items():
            text = draft.get(word.replace("-", "_"), "")
            checked = (str(origin), http, kind)
            # a backend writes no lines; what is wrong in defaults is told once
            written = kind in KINDS_OF_FRONTEND or word == "unique-id-format"
            known = checked in self.checked_formats
            if text and written and not (known and "[" not in text):
                self.checked_formats.add(checked)
                form = self._check_format(text, http, FormatUse(word, kind, draft["name"]), origin, known)
                if form is not None and form.expressions:
                    draft.put("forms", word, form)

    def _check_format(self, text: str, http: bool, use: FormatUse, origin: Origin, known: bool) -> Any:
        """Return the format as it was read, None where it is none, which is told unless that is known."""
        if self.reading.check_format is None:
            return None
        try:
            return self.reading.check_format(text, http, use, Statement(origin, (use.word, text)))
        except ValueError as wrong:
            if not known:
                self._alert(f"parsing [{origin}] : '{use.word}' : {wrong}")
            return None

    # frontends

    def _check_frontend(self, draft: Draft) -> None:
        if not draft.get("binds"):
            self._warn(f"{called(draft)} has no 'bind' line: should it be a backend?")
        self._check_backend_name(draft, "default_backend", draft.get("default_backend", ""))
        for rule in draft.get("use_backends", ()):
            if rule.form is None:
                self._check_backend_name(draft, "use_backend", rule.name)
        if draft.get("default_backend") and draft.get("servers"):
            self._warn(f"{called(draft)} : its servers are never used, because it has a 'default_backend'")
        if self._formats(draft) and not draft.get("log_targets"):
            self._warn(f"{called(draft)} : its log format has no use without a 'log' line")

    def _formats(self, draft: Draft) -> bool:
        named = draft.get("log_format") or draft.get("log_format_sd")
        return bool(named) or not LOG_OPTIONS.isdisjoint(draft.get("options", ()))

    def _check_backend_name(self, draft: Draft, word: str, name: str) -> None:
        if not name:
            return
        target = self.backends.get(name)
        if target is None and name in self.refused:
            return
        if target is draft:
            self._alert(f"{called(draft)} : '{word} {name}' leads back to itself")
        elif target is None:
            self._alert(f"{called(draft)} : {self._no_backend(word, name)}")
        else:
            self._check_modes(draft, word, target)

    def _check_modes(self, draft: Draft, word: str, target: Draft) -> None:
        modes = (draft.get("mode", "tcp"), target.get("mode", "tcp"))
        if modes == ("http", "tcp") and not draft.lacks("mode") and not target.lacks("mode"):
            self._alert(
                f"{called(draft)} : '{word} {target['name']}' leads from 'mode http' to {called(target)} at "
                f"{target['origin']}, which is in 'mode tcp'"
            )

    def _no_backend(self, word: str, name: str) -> str:
        if any(draft["name"] == name for draft in self.proxies):
            return f"'{word}' needs a backend, and '{name}' is a frontend"
        near = nearest(name, self.backends)
        return f"there is no backend '{name}' for '{word}'{suggestion(near)}"

    def _check_timeouts(self, draft: Draft) -> None:
        timeouts = draft.get("timeouts", {})
        front = draft["kind"] in KINDS_OF_FRONTEND and not timeouts.get("client")
        with_servers = draft["kind"] in KINDS_OF_BACKEND and draft.get("servers")
        silent = not timeouts.get("server") and not timeouts.get("tunnel")
        if front or (with_servers and (not timeouts.get("connect") or silent)):
            self._warn(
                f"missing timeouts for {called(draft)}.\n"
                "   | The proxy runs without them, but connections whose other side has vanished stay for ever:\n"
                "   | set each of 'timeout client', 'timeout connect' and 'timeout server' to more than 0."
            )

    # servers

    def _check_servers(self, draft: Draft) -> None:
        for server in draft.get("servers", ()):
            self._check_server(draft, server)
        names = [server["name"] for server in draft.get("servers", ())]
        for rule in draft.get("use_servers", ()) if not draft.lacks("server-template", "server") else ():
            if rule.form is None and rule.name not in (*names, *draft.get("refused_servers", ())):
                near = suggestion(nearest(rule.name, names))
                self._alert(f"parsing [{rule.origin}] : {called(draft)} : 'use-server' : no server '{rule.name}'{near}")

    def _check_server(self, draft: Draft, server: Draft) -> None:
        if draft.get("mode") != "http" and not draft.lacks("mode"):
            self._check_tcp_server(draft, server)
        if server.get("tfo"):
            self._warn(f"{named(draft, server)} : 'tfo' has no effect yet")
        if server.get("check") and not has_check_port(server):
            self._alert(f"{named(draft, server)} : there is neither a port for the service nor for checks")

    def _check_tcp_server(self, draft: Draft, server: Draft) -> None:
        if server.get("redir"):
            self._alert(f"{named(draft, server)} : 'redir' needs 'mode http'")
        if server.get("cookie"):
            self._warn(f"{named(draft, server)} : 'cookie' is ignored without 'mode http'")
        if server.get("observe") == "layer7":
            self._alert(f"{named(draft, server)} : 'observe layer7' needs 'mode http'")

    def _check_cookies(self) -> None:
        for draft in self.proxies:
            cookie = draft.get("cookie")
            if draft.get("disabled") or draft["kind"] not in KINDS_OF_BACKEND or cookie is None:
                continue
            if draft.get("mode", "tcp") == "tcp":
                self._warn(f"{called(draft)} : 'cookie' is ignored, because it needs 'mode http'")
            if cookie.dynamic and draft.get("dynamic_cookie_key"):
                self._check_dynamic_cookies(draft)

    def _check_dynamic_cookies(self, draft: Draft) -> None:
        taken: set[bytes] = set()
        for server in draft.get("servers", ()):
            if server.get("cookie") or server.get("disabled"):
                continue
            made = dynamic_cookie(draft["dynamic_cookie_key"], numeric(server), server["address"].port)
            if made and made in taken:
                self._warn(
                    f"{named(draft, server)} : another server has the same dynamic cookie, because its address and "
                    "port are the same; if they are not, change 'dynamic-cookie-key'"
                )
            taken.add(made)

    def _check_tracks(self) -> None:
        for draft in self.proxies:
            for server in draft.get("servers", ()):
                if server.get("track") and not draft.get("disabled"):
                    self._check_track(draft, server)

    def _check_track(self, draft: Draft, server: Draft) -> None:
        """Follow the chain of a tracking server to its end, a server with checks; write the full name of the next."""
        if server.get("check"):
            self._alert(f"{named(draft, server)} : 'check' and 'track' cannot stand together")
            return
        seen = [(draft["name"], server["name"])]
        holder, follower = draft, server
        while follower.get("track"):
            found = self._tracked(holder, follower)
            if found is None:
                return
            if isinstance(found, str):
                self._alert(f"{named(draft, server)} : {found}")
                return
            holder, follower = found
            if (holder["name"], follower["name"]) in seen:
                self._alert(f"{named(draft, server)} : the chain of 'track' runs in a circle")
                return
            seen.append((holder["name"], follower["name"]))
        if not follower.get("check") and not holder.lacks("default-server"):
            self._alert(
                f"{named(draft, server)} : 'track {server['track']}' needs a server with 'check' at its end, "
                f"and '{holder['name']}/{follower['name']}' has none"
            )
            return
        server["track"] = "/".join(seen[1])

    def _tracked(self, holder: Draft, server: Draft) -> tuple[Draft, Draft] | str | None:
        """Return the backend and the server that `server` of `holder` tracks, or what is wrong.

        None stands for one whose own line was refused.
        """
        proxy_name, slash, name = server["track"].rpartition("/")
        proxy = self.backends.get(proxy_name) if slash else holder
        if proxy is None and proxy_name in self.refused:
            return None
        if proxy is None:
            return f"there is no backend '{proxy_name}' to track a server of"
        for other in proxy.get("servers", ()):
            if other["name"] == name:
                return proxy, other
        if name in proxy.get("refused_servers", ()) or proxy.lacks("server-template"):
            return None
        near = nearest(name, [one["name"] for one in proxy.get("servers", ())])
        return f"there is no server '{name}' in '{proxy['name']}' to track{suggestion(near)}"

    def _resolve_names(self) -> None:
        resolver = Resolver(self.reading)
        for draft in self.proxies:
            for server in draft.get("servers", ()):
                if not draft.get("disabled"):
                    resolver.resolve(draft["name"], server)
        if resolver.failed:
            self.diagnostics.alert("each server needs an address to start with, or 'init-addr none', or -dr")


def called(draft: Draft) -> str:
    """Return how messages call a proxy: `frontend 'f'`."""
    return f"{SIDES[draft['kind']]} '{draft['name']}'"


def named(draft: Draft, server: Draft) -> str:
    """Return how messages call a server, with its place."""
    return f"[{server['origin']}] : 'server {draft['name']}/{server['name']}'"


def numeric(server: Draft) -> Address | None:
    """Return the numeric address that a server will start with, None without one."""
    address: Address = server["address"]
    if not address.is_name:
        return address
    found = server.get("resolved", "")
    return replace(address, family=Family.INET6 if ":" in found else Family.INET, host=found) if found else None


def has_check_port(server: Draft) -> bool:
    """Return whether a health check would know which port to go to."""
    address = server.get("check_address") or server["address"]
    if address.family in (Family.UNIX, Family.ABNS, Family.SOCKPAIR) or server.get("check_port"):
        return True
    service = server["address"]
    return bool(service.port) and not service.relative
