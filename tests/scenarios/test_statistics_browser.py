"""The statistics page in Chromium: what its script sorts, filters and renews, and a server that its form changes."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.running import PATIENCE, TCPROXY, end, free_port, program, wait_for

CHROMIUM = (
    "chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1400,900 --remote-debugging-port=0"
)
CONFIGURATION = """
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
frontend page
    bind 127.0.0.1:{port}
    stats uri /stats
    stats refresh 1s
    stats admin if TRUE
backend one
    server alpha 127.0.0.1:9 weight 3
    server beta 127.0.0.1:9 weight 20
    server gamma 127.0.0.1:9 weight 100
backend two
    server delta 127.0.0.1:9 disabled
"""


class Browser:
    """One page in a browser, driven by the protocol of its developers' tools."""

    def __init__(self, wire: ClientConnection) -> None:
        self.wire, self.number, self.session = wire, 0, ""

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol; return its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        self.wire.send(json.dumps(message | ({"sessionId": self.session} if self.session else {})))
        while True:
            answer = json.loads(self.wire.recv(PATIENCE))
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, url: str) -> None:
        """Open a page."""
        target = self.call("Target.createTarget", url=url)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def value(self, script: str) -> Any:
        """Return the value of an expression on the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression is true."""
        wait_for(lambda: self.value(script), what=script)


@contextlib.contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start a browser, and end it with the block."""
    words = [*CHROMIUM.split(), f"--user-data-dir={folder / 'profile'}"]
    with (folder / "said").open("w+b") as said:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=said)
        try:
            found = wait_for(
                lambda: re.search(r"ws://\S+", (folder / "said").read_text(errors="replace")), what="the browser"
            )
            assert isinstance(found, re.Match)
            with connect(found[0], max_size=None) as wire:
                yield Browser(wire)
        finally:
            end(process)


NAMES = (
    "[...document.querySelectorAll('#one tbody.s tr')].filter(r => !r.hidden).map(r => r.cells[1].textContent).join()"
)
WEIGHT = "[...document.querySelectorAll('#one thead button')].find(b => b.textContent === 'Weight').click()"
FILTER = "(f => {{ f.value = '{}'; f.dispatchEvent(new Event('input')); }})(document.getElementById('filter'))"
STATUS = "document.querySelector('#one input[value=beta]').closest('tr').cells[2].textContent"
DISABLE = """
    document.querySelector('#one input[value=beta]').checked = true;
    document.querySelector('#one select').value = 'maint';
    document.querySelector('#one form button:not([type])').click()
"""


@pytest.mark.program("chromium")
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """Rows are sorted and filtered in place, numbers come by themselves, and the form takes a server out of service."""
    port = free_port()
    (tmp_path / "page.cfg").write_text(CONFIGURATION.format(port=port))
    with program(TCPROXY, "-db", "-f", str(tmp_path / "page.cfg"), port=port), browsing(tmp_path) as browser:
        browser.open(f"http://127.0.0.1:{port}/stats")
        browser.until("document.readyState === 'complete' && !document.getElementById('live').hidden")
        browser.value(WEIGHT)
        assert browser.value(NAMES) == "gamma,beta,alpha"
        browser.value(WEIGHT)
        assert browser.value(NAMES) == "alpha,beta,gamma"
        browser.value(FILTER.format("amma"))
        assert browser.value(NAMES) == "gamma"
        assert browser.value("document.getElementById('two').hidden")
        browser.value(FILTER.format("two"))
        assert not browser.value("document.getElementById('two').hidden")
        browser.value(FILTER.format(""))
        before = browser.value("document.querySelector('header dl').textContent")
        assert browser.value(STATUS) == "no check"
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            form = b"s=beta&b=one&action=drain"
            client.sendall(b"POST /stats HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(form), form))
            assert b";st=DONE" in client.recv(4096)
        browser.until(f"{STATUS} === 'DRAIN'")  # without a reload
        assert browser.value(NAMES) == "alpha,beta,gamma"
        assert browser.value("document.querySelector('header dl').textContent") != before
        browser.value(DISABLE)
        browser.until(
            f"location.href.endsWith(';st=DONE') && document.readyState === 'complete' && {STATUS} === 'MAINT'"
        )
        assert "Done." in browser.value("document.querySelector('.say').textContent")
        assert browser.value("document.querySelector('#one input[value=beta]').checked") is False
