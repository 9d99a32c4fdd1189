"""The running program: signals, ends, daemon, privileges and hand-over, beside HAProxy where both can show it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.process.sites import BOTH, Site, alive, daemon, needs_root
from tests.running import HAPROXY, PATIENCE, TCPROXY, answers, end, program, wait_for


def said(process: subprocess.Popen[str]) -> list[str]:
    """Return what an ended program said on standard error, without its number and HAProxy's own proxies."""
    assert process.stderr is not None
    lines = re.sub(r" \(\d+\) ", " ", process.stderr.read()).splitlines()
    return [line for line in lines if "<HTTPCLIENT>" not in line and "GLOBAL" not in line]


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(("number", "code"), [("USR1", 0), ("TERM", -15), ("INT", -2)])
def test_exit_code_of_signals(name: str, number: str, code: int, site: Site) -> None:
    """A soft stop ends with 0; SIGTERM and SIGINT kill, so that a shell sees 143 and 130."""
    with program(name, "-db", "-f", str(site.path), port=site.port) as process:
        process.send_signal(getattr(signal, f"SIG{number}"))
        assert process.wait(PATIENCE) == code


@pytest.mark.parametrize("number", ["USR2", "PIPE"])
def test_ignored_signals(number: str, site: Site) -> None:
    """SIGUSR2 and SIGPIPE change nothing."""
    with program(TCPROXY, "-db", "-f", str(site.path), port=site.port) as process:
        process.send_signal(getattr(signal, f"SIG{number}"))
        assert site.hello() == b"Hello"
        assert process.poll() is None


@pytest.mark.parametrize("name", BOTH)
def test_interrupts_that_a_shell_has_ignored(name: str, site: Site) -> None:
    """A program that a shell has started in the background goes on ignoring SIGINT."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with program(name, "-db", "-f", str(site.path), port=site.port) as process:
            process.send_signal(signal.SIGINT)
            assert site.hello() == b"Hello"
            assert process.poll() is None
    finally:
        signal.signal(signal.SIGINT, before)


STOPPED = [
    "[WARNING]  : Proxy one stopped (cumulated conns: FE: N, BE: N).",
    "[WARNING]  : Proxy two stopped (cumulated conns: FE: 0, BE: 0).",
    "[WARNING]  : Proxy three stopped (cumulated conns: FE: 0, BE: 0).",
]


@pytest.mark.parametrize("name", BOTH)
def test_soft_stop_waits_for_the_last_session(name: str, site: Site) -> None:
    """New clients are refused, the running session goes on, and its end is the end of the process."""
    with program(name, "-db", "-f", str(site.path), port=site.port) as process:
        with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            process.send_signal(signal.SIGUSR1)
            wait_for(lambda: not answers(site.port), what="the listener to close")
            client.sendall(b"b")
            assert client.recv(1) == b"b"
            assert process.poll() is None
        assert process.wait(PATIENCE) == 0
        lines = said(process)
    assert [re.sub(r"(E: )[1-9]\d*", r"\1N", line) for line in lines] == STOPPED


@pytest.mark.parametrize("name", BOTH)
def test_hard_stop_after(name: str, site: Site) -> None:
    """A session that does not end is ended when hard-stop-after is over, and the exit code is 0."""
    site.configure(" hard-stop-after 300ms")
    with program(name, "-db", "-f", str(site.path), port=site.port) as process:
        with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            begin = time.monotonic()
            process.send_signal(signal.SIGUSR1)
            assert process.wait(PATIENCE) == 0
            assert time.monotonic() - begin > 0.25
        assert said(process)[3:] == [
            "[WARNING]  : soft-stop running for too long, performing a hard-stop.",
            "[WARNING]  : Proxy one hard-stopped (1 remaining conns will be closed).",
        ]


@pytest.mark.parametrize("name", BOTH)
def test_grace(name: str, site: Site) -> None:
    """With `grace` clients are served for a while after the signal."""
    site.configure(" grace 1500ms")
    with program(name, "-db", "-f", str(site.path), port=site.port) as process:
        process.send_signal(signal.SIGUSR1)
        assert site.hello() == b"Hello"
        assert process.wait(PATIENCE) == 0
        # the reference calls them notices on the terminal, though the first is a warning in the log
        assert [line.split(" : ")[1] for line in said(process)[:2]] == [
            "Scheduling a soft-stop in 1500 ms.",
            "Grace period expired, proceeding with soft-stop now.",
        ]


@pytest.mark.parametrize("name", BOTH)
def test_pause_and_resume(name: str, site: Site) -> None:
    """SIGTTOU closes the port to clients, SIGTTIN opens it again; what changes nothing is not told."""
    with program(name, "-db", "-f", str(site.path), port=site.port) as process:
        process.send_signal(signal.SIGTTOU)
        wait_for(lambda: not answers(site.port), what="the pause")
        process.send_signal(signal.SIGTTIN)
        wait_for(lambda: answers(site.port), what="the end of the pause")
        process.send_signal(signal.SIGTTIN)
        assert site.hello() == b"Hello"
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        assert said(process) == [
            "[WARNING]  : Paused proxy one.",
            "[WARNING]  : Paused frontend two.",
            "[WARNING]  : Resumed proxy one.",
            "[WARNING]  : Resumed frontend two.",
        ]


EXPECTED_LINES = {TCPROXY: 6, HAPROXY: 9}
"""The reference tells of its own client too."""


@pytest.mark.parametrize("name", BOTH)
def test_states_on_sighup(name: str, site: Site) -> None:
    """SIGHUP tells every server's and proxy's state."""
    with program(name, "-db", "-f", str(site.path), port=site.port) as process:
        assert [site.hello(), site.hello()] == [b"Hello"] * 2

        def told() -> list[str]:
            process.send_signal(signal.SIGHUP)
            assert process.stderr is not None
            lines = [process.stderr.readline() for _ in range(EXPECTED_LINES[name])]
            lines = [re.sub(r" \(\d+\) ", " ", line).rstrip() for line in lines]
            return [line for line in lines if "<HTTPCLIENT>" not in line]

        # the end of the last session may come after its client's
        lines = wait_for(lambda: (found := told())[1].count("0 act") and found, what="the sessions to end")
    assert lines == [
        "[WARNING]  : SIGHUP received, dumping servers states.",
        "[WARNING]  : SIGHUP: Server one/s is UP. Conn: 0 act, 0 pend, 3 tot.",
        "[WARNING]  : SIGHUP: Proxy one has 1 active servers and 0 backup servers available."
        " Conn: act(FE+BE): 0+0, 0 pend (0 unass), tot(FE+BE): 3+3.",
        "[WARNING]  : SIGHUP: Proxy two has no servers. Conn: act(FE+BE): 0+0, 0 pend (0 unass), tot(FE+BE): 0+0.",
        "[WARNING]  : SIGHUP: Server three/s is DOWN. Conn: 0 act, 0 pend, 0 tot.",
        "[WARNING]  : SIGHUP: Proxy three has no server available !"
        " Conn: act(FE+BE): 0+0, 0 pend (0 unass), tot(FE+BE): 0+0.",
    ]


@pytest.mark.parametrize("name", BOTH)
def test_quiet(name: str, site: Site) -> None:
    """With -q a running process says nothing."""
    with program(name, "-q", "-db", "-f", str(site.path), port=site.port) as process:
        process.send_signal(signal.SIGUSR1)
        assert process.wait(PATIENCE) == 0
        assert said(process) == []


@pytest.mark.parametrize("name", BOTH)
def test_an_address_in_use(name: str, site: Site) -> None:
    """A port that another program holds ends the start with 1, and the address is told."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", site.port))
        other.listen()
        result = subprocess.run(
            [name, "-db", "-f", str(site.path)], capture_output=True, text=True, timeout=60, check=False
        )
    assert result.returncode == 1
    assert f"127.0.0.1:{site.port}" in result.stderr
    assert result.stdout == ""


def test_too_little_memory(site: Site) -> None:
    """A limit that leaves no room to start is told as such."""
    for limit in ("10", "20", "30"):
        words = [TCPROXY, "-m", limit, "-db", "-f", str(site.path)]
        result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 1
        assert f"{limit} MB of memory are too few" in result.stderr


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&-", "2>&-"])
def test_closed_standard_descriptors(closed: str, site: Site) -> None:
    """Started with standard input, output or error closed it serves, and no socket gets their numbers."""
    words = ["sh", "-c", f"exec {TCPROXY} -db -f {site.path} {closed}"]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(site.port), what="the start")
        for number in range(3):
            assert not str(Path(f"/proc/{process.pid}/fd/{number}").readlink()).startswith("socket:")
    finally:
        end(process)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BOTH)
def test_daemon(name: str, site: Site) -> None:
    """A daemon serves when its parent has ended, leads its own session, has no terminal, and stands in the pidfile."""
    with daemon(name, site) as pid:
        assert site.hello() == b"Hello"
        assert os.getsid(pid) == pid
        assert {str(Path(f"/proc/{pid}/fd/{stream}").readlink()) for stream in range(3)} == {"/dev/null"}
        assert site.pidfile.read_text() == f"{pid}\n"
        os.kill(pid, signal.SIGUSR1)
        wait_for(lambda: not alive(pid), what="the daemon to end")
        assert site.pidfile.exists()


@pytest.mark.parametrize("name", BOTH)
def test_no_pidfile_in_the_foreground(name: str, site: Site) -> None:
    """-db undoes the word `daemon`, and a process in the foreground writes no pidfile."""
    site.configure(" daemon")
    with program(name, "-db", "-p", str(site.pidfile), "-f", str(site.path), port=site.port):
        assert not site.pidfile.exists()


@needs_root
@pytest.mark.parametrize("name", BOTH)
def test_privileges(name: str, site: Site, tmp_path: Path) -> None:
    """The process is another user's, in another root directory, without groups and without a way back."""
    jail = tmp_path / "jail"
    jail.mkdir()
    site.configure(f" chroot {jail}\n uid 12\n gid 13\n maxconn 100\n ulimit-n 4096")
    with daemon(name, site) as pid:
        assert site.hello() == b"Hello"
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Uid:\t12\t12\t12\t12$", status, re.MULTILINE)
        assert re.search(r"^Gid:\t13\t13\t13\t13$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
        assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
        assert Path(f"/proc/{pid}/root").readlink() == jail


@needs_root
def test_a_failure_behind_the_fork_is_told(site: Site) -> None:
    """Where the child cannot enter its root directory, the parent ends with 1 and the reason stands on the terminal."""
    site.configure(" chroot /nonexistent")
    words = [TCPROXY, "-D", "-f", str(site.path), "-p", str(site.pidfile)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "cannot chroot to /nonexistent" in result.stderr
    assert not answers(site.port)


@needs_root
def test_a_successor_that_fails_leaves_the_old_one_serving(site: Site) -> None:
    """The old process is told to leave only when its successor serves, and keeps its pidfile otherwise."""
    with daemon(TCPROXY, site) as old:
        good = site.path.read_text()
        site.path.write_text(good.replace("global\n", "global\n chroot /nonexistent\n"))
        words = [TCPROXY, "-D", "-f", str(site.path), "-p", str(site.pidfile), "-sf", str(old)]
        assert subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 1
        assert site.pid() == old
        assert site.hello() == b"Hello"
        assert alive(old)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("option", ["-sf", "-st"])
def test_the_old_process_leaves(name: str, option: str, site: Site) -> None:
    """-sf lets a session of the old process go on, -st ends it."""
    with daemon(name, site) as old, socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        client.sendall(b"a")
        assert client.recv(1) == b"a"
        with daemon(name, site, option, str(old)) as new:
            assert new != old
            if option == "-sf":
                client.sendall(b"b")
                assert client.recv(1) == b"b"
                client.close()
            wait_for(lambda: not alive(old), what="the old process to end")
            assert site.hello() == b"Hello"


@pytest.mark.parametrize("name", BOTH)
def test_a_port_that_stays_busy(name: str, site: Site) -> None:
    """A successor that cannot bind for good gives up, and the old process serves again."""
    with daemon(name, site) as old, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = (
            site.path.read_text() + f"frontend busy\n bind 127.0.0.1:{other.getsockname()[1]}\n default_backend three\n"
        )
        site.path.write_text(busy)
        words = [name, "-D", "-f", str(site.path), "-sf", str(old)]
        result = subprocess.run(words, capture_output=True, timeout=60, check=False)
        assert result.returncode == 1
        wait_for(lambda: answers(site.port), what="the old process to resume")
        assert alive(old)


def test_no_client_of_a_crowd_is_refused(site: Site) -> None:
    """Eight clients at once connect and say hello without an end while the program is replaced five times."""
    failures: list[Exception] = []
    served = [0] * 8
    over = threading.Event()

    def visit(number: int) -> None:
        while not over.is_set():
            try:
                assert site.hello() == b"Hello"
                served[number] += 1
            except Exception as failure:
                failures.append(failure)

    with contextlib.ExitStack() as stack:
        pids = [stack.enter_context(daemon(TCPROXY, site))]
        crowd = [threading.Thread(target=visit, args=(number,)) for number in range(8)]
        for thread in crowd:
            thread.start()
        try:
            for _ in range(5):
                pids.append(stack.enter_context(daemon(TCPROXY, site, "-sf", str(pids[-1]))))
                wait_for(lambda: not alive(pids[-2]), what="the old process to end")
        finally:
            over.set()
            for thread in crowd:
                thread.join(PATIENCE)
    assert failures == []
    assert min(served) > 0
