"""TLS words of the global section (manual 3.1, 3.2): checked and kept, word for word, until TLS takes them up."""

from __future__ import annotations

from tcproxy.grammar.rows import GLOBAL, Argument, Draft, Reading, Row, Status
from tcproxy.grammar.sections import read_arguments
from tcproxy.grammar.statements import Refused, Statement, refuse_all
from tcproxy.grammar.suggestions import nearest, suggestion
from tcproxy.grammar.units import Choice, Integer, Text, Time

(_WHERE,) = GLOBAL

VERSIONS = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")

OPTIONS = (
    *(f"{way}-{version}" for way in ("no", "force") for version in ("sslv3", "tlsv10", "tlsv11", "tlsv12", "tlsv13")),
    "no-tls-tickets",
)


def parse_kept(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Check the arguments by their types and keep their values under the word."""
    name = statement.words[0]
    draft.put("kept", name, tuple(read_arguments(reading.words.at(_WHERE)[name], statement, 1, reading)))


def parse_base(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `ca-base` and `crt-base`, once each."""
    name = statement.words[0]
    if name in draft.get("kept", {}):
        raise Refused(f"'{name}' was said before")
    parse_kept(statement, draft, reading)


def parse_options(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `ssl-default-bind-options|ssl-default-server-options OPTION... [ssl-min-ver V] [ssl-max-ver V]`."""
    name, *words = statement.words
    allowed = (*OPTIONS, "prefer-client-ciphers") if "-bind-" in name else OPTIONS
    if not words:
        raise Refused(f"'{name}' needs an option behind it")
    index = 0
    faults: list[Refused] = []
    while index < len(words):
        try:
            index += _check_option(name, words, index, allowed)
        except Refused as wrong:
            faults.append(wrong)
            index = max(index + 1, wrong.word)
    refuse_all(faults)
    draft.put("kept", name, tuple(words))


def _check_option(name: str, words: list[str], index: int, allowed: tuple[str, ...]) -> int:
    """Check one option and return how many words it is."""
    word = words[index]
    if word in ("ssl-min-ver", "ssl-max-ver"):
        if index + 1 == len(words) or words[index + 1] not in VERSIONS:
            raise Refused(f"'{name}' : '{word}' needs one of {', '.join(VERSIONS)}", index + 1)
        return 2
    if word not in allowed:
        raise Refused(f"'{name}' has no option '{word}'{suggestion(nearest(word, allowed))}", index + 1)
    return 1


def parse_words(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `ssl-load-extra-files WORD...`, and keep all words."""
    if len(statement.words) < 2:
        raise Refused(f"'{statement.words[0]}' needs an argument behind it")
    draft.put("kept", statement.words[0], statement.words[1:])


def _kept(name: str, *arguments: Argument, core: bool = False) -> Row:
    return Row(name, GLOBAL, "Kept for TLS.", arguments, parse=parse_kept, status=Status.KEPT, manual="3.1", core=core)


_VERIFY = Choice("none", "required")

WORDS = (
    Row("ca-base", GLOBAL, "Set the folder of CA files.", (Text(),), parse=parse_base, status=Status.KEPT,
        manual="3.1"),
    Row("crt-base", GLOBAL, "Set the folder of certificates.", (Text(),), parse=parse_base, status=Status.KEPT,
        manual="3.1"),
    *(_kept(f"ssl-default-{side}-{what}", Text()) for side in ("bind", "server") for what in
      ("ciphers", "ciphersuites")),
    _kept("ssl-default-bind-curves", Text()),
    *(Row(f"ssl-default-{side}-options", GLOBAL, "Set options of TLS connections.", parse=parse_options,
          status=Status.KEPT, manual="3.1") for side in ("bind", "server")),
    _kept("ssl-dh-param-file", Text()),
    _kept("ssl-propquery", Text()),
    _kept("ssl-provider", Text()),
    _kept("ssl-provider-path", Text()),
    _kept("ssl-load-extra-del-ext"),
    Row("ssl-load-extra-files", GLOBAL, "Kept for TLS.", parse=parse_words, status=Status.KEPT, manual="3.1"),
    _kept("ssl-mode-async"),
    _kept("ssl-server-verify", _VERIFY, core=True),
    _kept("ssl-skip-self-issued-ca"),
    _kept("issuers-chain-path", Text()),
    _kept("httpclient.ssl.ca-file", Text()),
    _kept("httpclient.ssl.verify", _VERIFY),
    _kept("maxsslconn", Integer(0)),
    _kept("tune.ssl.cachesize", Integer(0)),
    _kept("tune.ssl.capture-buffer-size", Integer(0)),
    _kept("tune.ssl.capture-cipherlist-size", Integer(0)),
    _kept("tune.ssl.default-dh-param", Integer(1024)),
    _kept("tune.ssl.force-private-cache"),
    _kept("tune.ssl.hard-maxrecord", Integer(0)),
    _kept("tune.ssl.keylog", Choice("on", "off")),
    _kept("tune.ssl.lifetime", Time(unit="s")),
    _kept("tune.ssl.maxrecord", Integer(0)),
    _kept("tune.ssl.ssl-ctx-cache-size", Integer(0)),
)  # fmt: skip
