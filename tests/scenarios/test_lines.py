"""What the log says of sessions that went well, badly or not at all: as haproxy and tcproxy tell it."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import UNFORMATTED, Scene, Stories, Told, differences

STORIES = Stories()
story = STORIES.story

PLAIN = """
listen {name}
    bind {host}:1000
    retries 1
    timeout connect 100ms
    server s {host}:2000
listen {name}.refused
    bind {host}:1001
    retries 0
    server s {host}:2001
listen {name}.two
    bind {host}:1002
    option redispatch 1
    retries 1
    server s {host}:2001
    server t {host}:2000
"""


def good_null_bad_retried(scene: Scene, lines: tuple[int, int, int, int]) -> None:
    """Play a session with bytes, one without, one refused and one redispatched; wait for so many lines of each."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    door.accept().reads(5).close()
    client.ends().close()
    scene.logged(lines[0])
    scene.until("BACKEND", scur=0)
    client = scene.connect()
    door.accept().close()
    client.ends().close()
    scene.logged(lines[1])
    scene.until("BACKEND", scur=0)
    scene.connect(1001).ends().close()
    scene.logged(lines[2])
    client = scene.connect(1002).send(b"Hello")
    door.accept().reads(5).close()
    client.ends().close()
    scene.logged(lines[3])


@story(PLAIN)
def tcplog(scene: Scene) -> None:
    """`option tcplog` writes a line for each."""
    good_null_bad_retried(scene, (1, 1, 1, 1))


@story(UNFORMATTED + PLAIN, bare=True)
def default_line(scene: Scene) -> None:
    """Without a format a line says who connected where, and nothing of the end."""
    good_null_bad_retried(scene, (1, 1, 1, 1))


@story(UNFORMATTED + "    option dontlognull\n" + PLAIN, bare=True)
def default_line_dontlognull(scene: Scene) -> None:
    """`dontlognull` beside the default format."""
    good_null_bad_retried(scene, (1, 1, 1, 1))


@story(UNFORMATTED + "    option dontlog-normal\n    option log-separate-errors\n" + PLAIN, bare=True)
def default_line_errors_only(scene: Scene) -> None:
    """`dontlog-normal` and `log-separate-errors` beside the default format."""
    good_null_bad_retried(scene, (0, 0, 0, 0))


@story(UNFORMATTED + "    option tcplog\n    option dontlognull\n" + PLAIN, bare=True)
def dontlognull(scene: Scene) -> None:
    """`dontlognull` leaves out sessions without bytes."""
    good_null_bad_retried(scene, (1, 0, 0, 1))


@story(UNFORMATTED + "    option tcplog\n    option dontlog-normal\n" + PLAIN, bare=True)
def dontlog_normal(scene: Scene) -> None:
    """`dontlog-normal` leaves out what went well; a redispatch is no good end."""
    good_null_bad_retried(scene, (0, 0, 1, 1))


@story(UNFORMATTED + "    option tcplog\n    option log-separate-errors\n" + PLAIN, bare=True)
def log_separate_errors(scene: Scene) -> None:
    """`log-separate-errors` raises the level of the others."""
    good_null_bad_retried(scene, (1, 1, 1, 1))


@story(UNFORMATTED + "    option tcplog\n    option logasap\n" + PLAIN, bare=True)
def logasap(scene: Scene) -> None:
    """`logasap` writes once the server is there, with a plus at what may grow."""
    good_null_bad_retried(scene, (1, 1, 1, 1))


@story(UNFORMATTED + "    option tcplog\n    option logasap\n    option dontlognull\n" + PLAIN, bare=True)
def logasap_dontlognull(scene: Scene) -> None:
    """`logasap` with `dontlognull`: there is no byte yet for some."""
    good_null_bad_retried(scene, (0, 0, 0, 0))


SECOND_TARGET = "    log {host}:514 local1 err\n    option tcplog\n    option log-separate-errors\n"


@story(UNFORMATTED + SECOND_TARGET + PLAIN, bare=True)
def second_target_of_errors(scene: Scene) -> None:
    """A second target with a level gets what is grave enough, with its own facility."""
    good_null_bad_retried(scene, (1, 1, 2, 2))


@story(UNFORMATTED.replace("local0", "len 200 format rfc5424 local0 notice info") + PLAIN, bare=True)
def levels_and_format(scene: Scene) -> None:
    """A minimum level changes the priority, and rfc5424 the header."""
    good_null_bad_retried(scene, (0, 0, 0, 0))


FIELDS = (
    "%ci:%cp|%fi:%fp|%f|%ft|%b|%s|%Th|%B|%U|%ts|%fc|%bc|%sc|%rc|%sq|%bq|%si:%sp|%bi|%ST|%lc|%{{+Q}}s|%{{+X}}ci"
)


@story(PLAIN.replace("    retries 0", "    retries 0\n    log-format " + FIELDS) + "    log-format " + FIELDS + "\n")
def every_field(scene: Scene) -> None:
    """A `log-format` of every variable of TCP mode."""
    good_null_bad_retried(scene, (1, 1, 1, 1))


@story(
    """
frontend {name}
    bind {host}:1000 name outer
    log-tag front
    default_backend {name}.back
backend {name}.back
    log-tag back
    server s {host}:2000
"""
)
def tags_and_names(scene: Scene) -> None:
    """`log-tag` of the frontend stands in its lines, and that of the backend in the news of servers."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    door.accept().reads(5).close()
    client.ends().close()
    scene.logged()
    scene.note(scene.order(f"disable server {scene.name}.back/s").strip())
    scene.logged(2)
    scene.note(scene.order(f"enable server {scene.name}.back/s").strip())
    scene.logged()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
