"""What a request asks of a statistics page: the words behind its URI, in the forms that HAProxy has.

/stats;csv   /stats;json   /stats;typed        the same rows for programs
;up   ;no-maint                                 leave out servers that are down, or in maintenance
;norefresh                                      do not ask again by itself
;st=DONE                                        tell what became of a change
scope=TEXT                                      only proxies with this text in their name
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SCOPE_LENGTH = 20
"""Bytes of a text that proxies are chosen by."""
_SCOPE = re.compile(rb"scope=([^;& ]*)")
_CODE = re.compile(rb";st=(.{0,4})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class StatisticsRequest:
    """form: html, csv, json, typed or json-schema. code: behind `st=`, "" without one. scope: b"" for all proxies."""

    form: str = "html"
    up: bool = False
    no_maintenance: bool = False
    no_refresh: bool = False
    code: str = ""
    scope: bytes = b""

    def options(self) -> str:
        """Return the words that go on from one request to the next."""
        return (
            (";up" if self.up else "")
            + (";no-maint" if self.no_maintenance else "")
            + (";norefresh" if self.no_refresh else "")
        )


def asked(rest: bytes, refreshes: bool) -> StatisticsRequest:
    """Return what a request asks for. rest: its target behind the page's URI. refreshes: the page has `refresh`."""
    form = "html"
    for name in ("csv", "typed", "json"):
        if f";{name}".encode() in rest:
            form = name
    if b";json-schema" in rest:
        form = "json-schema"
    code, scope = _CODE.search(rest), _SCOPE.search(rest)
    return StatisticsRequest(
        form,
        b";up" in rest,
        b";no-maint" in rest,
        refreshes and b";norefresh" in rest,
        code[1].decode("latin-1") if code else "",
        scope[1][:SCOPE_LENGTH] if scope else b"",
    )
