"""The functions that write lines: whatever a format names, over a session at any moment, is text as of a Record."""

from __future__ import annotations

import pytest

from tcproxy.report import formats
from tcproxy.report.log_variables import HTTP_VARIABLES, VARIABLES
from tcproxy.session.http.accounting import account
from tcproxy.session.http.line_facts import BARE, EARLY, FACTS, FAST, FIRST_IDENTITY, IDENTITY
from tcproxy.session.http.line_functions import compiled, recorder
from tests.session.http.plays import HttpStage
from tests.session.http.test_exchanges import OK, asked

NAMES = sorted({*VARIABLES, *HTTP_VARIABLES} - {"tsc"})
FLAGS = ("", "%{+Q}o", "%{+X}o", "%{+E}o", "%{+Q,+X,+E}o")
ODD = "'''{}\"%% \\é\N{BELL}\\n{{r.status}}%(x)"
"""Text that could be mistaken for something else where a function is written."""
TABLES = {"whole": FACTS, "early": EARLY, "bare": BARE, "identity": IDENTITY, "first": FIRST_IDENTITY}
KINDS = frozenset({"request", "response", "cookie"})


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("flags", FLAGS)
def test_every_variable_in_every_table(table: str, flags: str) -> None:
    """Every variable under every flag is written from every table of facts, and odd text is only text."""
    stage = HttpStage()
    client, _ = asked(stage)
    text = f"{flags}{ODD} " + " ".join(f"<%{name}>" for name in NAMES)
    form = formats.compile(text, http=True, captured=KINDS)
    line = compiled(form, stage.frontend, TABLES[table])(client.session.exchange)
    assert line.startswith(ODD.replace("%%", "%").replace("%(", "("))
    assert line.count("<") >= len(NAMES)


@pytest.mark.parametrize("flags", FLAGS)
def test_a_line_is_that_of_its_record(flags: str) -> None:
    """A line that is made from the session says what the format says of a Record of the same session."""
    stage = HttpStage()
    client, _ = asked(stage)
    still = [name for name in NAMES if name not in ("Ta", "Tt", "Tu")]
    form = formats.compile(flags + " ".join(f"<%{name}>" for name in still), http=True)
    exchange = client.session.exchange
    record = recorder(stage.frontend, frozenset({"client", "front", "local", "remote", "unique_id"}))(exchange)
    assert compiled(form, stage.frontend, FACTS)(exchange) == form.render(record)


def test_numbers_that_are_not_small() -> None:
    """A number too large to be looked up is written all the same."""
    stage = HttpStage()
    client, _ = asked(stage)
    client.session.exchange.idle_from -= 123.456
    form = formats.compile("%Ti %TR %Tw %Tc %Tr", http=True)
    assert compiled(form, stage.frontend, FACTS)(client.session.exchange) == "123456 0 0 0 -1"


def test_lines_of_the_fast_path_are_the_same() -> None:
    """The line of an exchange that takes the fast path is the line that the general way writes."""
    stage = HttpStage()
    client, link = asked(stage)
    link.answers(OK)
    client.asks(b"GET /y?z=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    session = client.session.exchange
    session.answered_at = link.last_progress = session.asked_at
    session.status = 200
    account(session)
    form = formats.compile(formats.HTTPLOG.replace("%Ta", "x") + " %b %f %Ti %Th %U %B", http=True)
    only = session.backend
    plain = compiled(form, stage.frontend, FAST, only)
    assert plain(session) == compiled(form, stage.frontend, FACTS)(session)
