"""State files: which file tells the states that servers had in the process before (manual 3.1 and 4.2)."""

from __future__ import annotations

from tcproxy.grammar.rows import BACK, GLOBAL, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import Choice, Text


def parse_file_name(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `server-state-file-name [use-backend-name|FILE]`: without a file, the backend's name is that of its file."""
    if len(statement.words) > 2:
        raise Refused(f"'server-state-file-name' cannot take the argument '{statement.words[2]}'", 2)
    if reading.section == "defaults":
        reading.warn(statement, "'server-state-file-name' has no effect in 'defaults': each backend has its own file")
        return
    name = statement.words[1] if len(statement.words) > 1 else ""
    draft["state_file_name"] = "" if name == "use-backend-name" else name


_FROM = Choice(none="", **{"global": "global", "local": "local"})

WORDS = (
    Row("server-state-base", GLOBAL, "Set the folder of state files.", (Text(),), "server_state_base", manual="3.1",
        core=True),
    Row("server-state-file", GLOBAL, "Set the file with the states of all servers.", (Text(),), "server_state_file",
        manual="3.1", core=True),
    Row("load-server-state-from-file", BACK, "Start servers in the states that a file tells.", (_FROM,), "state_from",
        manual="4.2", core=True),
    Row("server-state-file-name", BACK, "Set the file with the states of this backend's servers.",
        parse=parse_file_name, manual="4.2", core=True),
)  # fmt: skip
