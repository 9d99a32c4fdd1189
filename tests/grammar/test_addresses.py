"""Addresses: families, prefixes, brackets, ports, ranges, offsets, comma lists."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.grammar.addresses import (
    PREFIXES,
    Address,
    Family,
    read_bind_address,
    read_log_address,
    read_server_address,
    read_source_address,
    resolve,
)

DGRAM = socket.SOCK_DGRAM


@pytest.mark.parametrize(
    ("word", "family", "host", "port", "last"),
    [
        (":80", Family.INET, "", 80, 80),
        ("*:80", Family.INET, "", 80, 80),
        ("0.0.0.0:80", Family.INET, "", 80, 80),
        ("127.0.0.1:80-82", Family.INET, "127.0.0.1", 80, 82),
        ("[::1]:80", Family.INET6, "::1", 80, 80),
        ("::1:80", Family.INET6, "::1", 80, 80),
        (":::80", Family.INET6, "", 80, 80),
        ("ipv6@:80", Family.INET6, "", 80, 80),
        ("ipv6@*:80", Family.INET6, "", 80, 80),
        ("ipv4@:80", Family.INET, "", 80, 80),
        ("tcp6@[::1]:80", Family.INET6, "::1", 80, 80),
        ("stream+tcp4@1.2.3.4:80", Family.INET, "1.2.3.4", 80, 80),
        ("stream+:80", Family.INET, "", 80, 80),
        ("[1.2.3.4]:80", Family.INET, "1.2.3.4", 80, 80),
        ("/tmp/a:80", Family.UNIX, "/tmp/a:80", 0, 0),
        ("unix@a", Family.UNIX, "a", 0, 0),
        ("stream+uxst@/a", Family.UNIX, "/a", 0, 0),
        ("abns@x", Family.ABNS, "x", 0, 0),
        ("fd@5", Family.FD, "5", 0, 0),
        ("sockpair@7", Family.SOCKPAIR, "7", 0, 0),
        (":080", Family.INET, "", 80, 80),
        (":80abc", Family.INET, "", 80, 80),
    ],
)
def test_bind_addresses(word: str, family: Family, host: str, port: int, last: int) -> None:
    """Each form of an address to listen on is read as the reference reads it."""
    (address,) = read_bind_address(word)
    assert (address.family, address.host, address.port, address.last_port) == (family, host, port, last)
    assert not address.is_name
    assert address.kind == socket.SOCK_STREAM


REFUSED_BINDS = [
    "",
    "80",
    "*",
    "::1",
    "[::1]",
    "ipv4@[::1]:80",
    "ipv6@1.2.3.4:80",
    "udp@:80",
    "udp6@:80",
    "uxdg@/tmp/a",
    "dgram+ip@:80",
    "stream+udp@:80",
    "quic4@:80",
    "stream+stream+ip@:80",
    "fd@",
    "fd@x",
    "fd@-1",
    "sockpair@x",
    ":0",
    ":65536",
    ":90-80",
    ":80-",
    ":80-9x",
    ":-80",
    ":+80",
    ":abc",
    ",:80",
    ":80,,:81",
    "[::1:80",
    "::1]:80",
    "[]:80",
    "[a]:80",
    "fe80::1%lo:80",
    "IPV4@:80",
    "ipx@:80",
    "**:80",
    "a b:80",
    "a..b:80",
    "/" + "a" * 97,
    "abns@" + "a" * 108,
]


@pytest.mark.parametrize("word", REFUSED_BINDS)
def test_refused_bind_addresses(word: str) -> None:
    """What the reference refuses to listen on is refused with a sentence."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        read_bind_address(word)


def test_comma_lists() -> None:
    """One word holds several addresses; one comma at the end is borne."""
    assert [address.port for address in read_bind_address(":80,[::1]:81-82,/a,")] == [80, 81, 0]


@pytest.mark.parametrize(
    ("word", "port", "relative", "has_port"),
    [
        ("1.2.3.4:80", 80, False, True),
        ("1.2.3.4", 0, True, False),
        ("1.2.3.4:", 0, True, False),
        ("1.2.3.4:0", 0, True, True),
        ("1.2.3.4:+80", 80, True, True),
        ("1.2.3.4:-80", -80, True, True),
        ("[::1]", 0, True, False),
        ("*:80", 80, False, True),
        ("example.org:80", 80, False, True),
        ("/run/x", 0, False, False),
    ],
)
def test_server_ports(word: str, port: int, relative: bool, has_port: bool) -> None:
    """Ports of a server may be missing or relative to the client's."""
    address = read_server_address(word)
    assert (address.port, address.relative, address.has_port) == (port, relative, has_port)


def test_names() -> None:
    """A host name is kept as a name, with the family that its prefix asks for."""
    assert read_server_address("example.org:80").is_name
    assert read_server_address("ipv6@example.org.:80").family is Family.INET6
    assert not read_server_address("ipv6@[::1]:80").is_name
    assert not read_server_address("/example").is_name


@pytest.mark.parametrize("word", ["1.2.3.4:80-90", "1.2.3.4:65536", "fd@0", "udp@1.2.3.4:5", "uxdg@/a"])
def test_refused_server_addresses(word: str) -> None:
    """What the reference refuses as a server's address is refused."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        read_server_address(word)


def test_log_addresses() -> None:
    """Log targets are datagrams to port 514 unless they say otherwise."""
    assert read_log_address("127.0.0.1") == Address(Family.INET, "127.0.0.1", 514, 514, DGRAM)
    assert read_log_address("[::1]:5").port == 5
    assert read_log_address("/dev/log").kind == DGRAM
    assert read_log_address("tcp@127.0.0.1:5").kind == socket.SOCK_STREAM
    assert read_log_address("stderr") == Address(Family.FD, "2", kind=DGRAM)
    assert read_log_address("fd@9").host == "9"
    with pytest.raises(ValueError, match="range"):
        read_log_address("127.0.0.1:514-515")


def test_source_addresses() -> None:
    """A range of source ports stands on server lines only."""
    assert read_source_address("1.2.3.4:5-6", span=True).last_port == 6
    assert read_source_address("*").host == ""
    with pytest.raises(ValueError, match="range"):
        read_source_address("1.2.3.4:5-6")


def test_resolving() -> None:
    """A name becomes a numeric address of the family asked for; an unknown one is told by name."""
    found = resolve(read_server_address("ipv4@localhost:80"))
    assert (found.family, found.host, found.port, found.is_name) == (Family.INET, "127.0.0.1", 80, False)
    numeric = read_server_address("1.2.3.4:5")
    assert resolve(numeric) is numeric
    with pytest.raises(ValueError, match=r"no\.such\.host\.invalid"):
        resolve(read_server_address("no.such.host.invalid:5"))


@given(st.ip_addresses(), st.integers(1, 65535), st.integers(1, 65535))
def test_numeric_addresses(ip: object, one: int, other: int) -> None:
    """Every numeric address with every range of ports is read back as it was meant."""
    low, high = min(one, other), max(one, other)
    (address,) = read_bind_address(f"[{ip}]:{low}-{high}")
    text = str(ip)
    assert address.host in (text, "") or socket.inet_pton(socket.AF_INET6, text) == socket.inet_pton(
        socket.AF_INET6, address.host
    )
    assert (address.port, address.last_port) == (low, high)


@given(st.text() | st.from_regex(r"(ipv[46]@|fd@|\[)?[0-9a-f:.*]*\]?:[-+0-9a]*", fullmatch=True))
def test_any_text(word: str) -> None:
    """No text raises anything but ValueError."""
    for read in (read_bind_address, read_server_address, read_log_address, read_source_address):
        try:
            read(word)
        except ValueError:
            pass
        else:
            assert word


@pytest.mark.reference
def test_bind_as_the_reference(tmp_path: Path) -> None:
    """The reference refuses the same bind addresses, and takes each prefix that we take."""
    words = REFUSED_BINDS + [f"{prefix}{'127.0.0.1:80' if '4' in prefix else 'x'}" for prefix in PREFIXES]
    words += [":80", ":::80", "::1:80", "[1.2.3.4]:80", ":80abc", ":80,", "/a,/b", "tcp@:80", "stream+:80"]
    for word in words:
        file = tmp_path / "x.cfg"
        file.write_text(f"frontend x\n mode tcp\n bind '{word}'\n")
        run = subprocess.run(["haproxy", "-c", "-f", str(file)], capture_output=True)
        try:
            read_bind_address(word)
            taken = True
        except ValueError:
            taken = False
        assert taken == (run.returncode == 0), (word, run.stderr)


@pytest.mark.parametrize(
    ("word", "host", "port"),
    [
        ("$A:$P", "127.0.0.1", 81),
        ("${A}:9$P", "127.0.0.1", 981),
        ("${A:82", "127.0.0.1", 82),
        ("$NO:80", "", 80),
        ("$$A:84$", "127.0.0.1", 84),
        ("${}:90", "", 90),
        ("tcp4@$A:1", "127.0.0.1", 1),
    ],
)
def test_variables_stand_for_their_values(word: str, host: str, port: int) -> None:
    """`$NAME` and `${NAME}` are replaced in an address; what does not exist stands for nothing."""
    (found,) = read_bind_address(word, {"A": "127.0.0.1", "P": "81"}.get)
    assert (found.host, found.port) == (host, port)


def test_a_variable_is_part_of_one_address() -> None:
    """A comma in the value of a variable parts no addresses, as in HAProxy; and an empty address is told as such."""
    with pytest.raises(ValueError, match="neither an address"):
        read_bind_address("$L", {"L": "127.0.0.1:1,127.0.0.1:2"}.get)
    with pytest.raises(ValueError, match="variable missing"):
        read_server_address("$NO", {"A": "x"}.get)
