"""tcproxy with all its sections in HTTP mode, which the language refuses yet: `python -m ... FILE`.

The file is one of TCP mode; comments of the form `# http: option NAME` and `# http: log-format 'TEXT'` tell what the
section has besides.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from twisted.internet.main import installReactor

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.model.process import Configuration
from tcproxy.transport.reactor import Reactor

MARK = "# http: "


def read(path: str) -> Configuration:
    """Return the configuration, in HTTP mode."""
    configuration = language.read([path], Environment(os.environ), Diagnostics(os.getpid()))
    assert configuration is not None
    options: dict[str, set[str]] = {}
    forms: dict[str, str] = {}
    section = ""
    for line in Path(path).read_text().splitlines():
        words = line.split()
        if words[:1] == ["listen"]:
            section = words[1]
        what, found, rest = line.strip().removeprefix(MARK).partition(" ")
        if found and line.strip().startswith(MARK):
            if what == "option":
                options.setdefault(section, set()).add(rest)
            else:
                forms[section] = rest.strip("'")
    proxies = tuple(
        replace(
            proxy, mode="http", options=proxy.options | options.get(proxy.name, set()),
            log_format=forms.get(proxy.name, ""),
        )
        for proxy in configuration.proxies
    )  # fmt: skip
    return replace(configuration, proxies=proxies)


def main() -> None:
    """Run until a signal ends it."""
    reactor = Reactor()
    installReactor(reactor)
    from tcproxy.service import ProxyService

    service = ProxyService(read(sys.argv[1]), reactor)
    service.startService()
    reactor.run()


if __name__ == "__main__":
    main()
