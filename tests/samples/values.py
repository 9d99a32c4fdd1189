"""Values to try converters with, as constants of the language: empty, with NUL, long, at edges, and by chance."""

from __future__ import annotations

from random import Random

EDGES = (b"", b"\0", b"a", b"\xff", b"a\0b", b"\0\0", b"hello world", b"\x80\x81", "äö€😀".encode(), b"0", b"-1", b"+")
NUMBERS = (
    0, 1, -1, 2, 7, 8, 31, 32, 63, 64, 255, 256, -255, 65535, (1 << 31) - 1, 1 << 31, -(1 << 31), (1 << 32) - 1,
    1 << 32, (1 << 32) + 1, (1 << 63) - 1, -(1 << 63), 1_000_000_007,
)  # fmt: skip


def constant(data: bytes) -> str:
    """Return the expression of a block of data; of an empty text for no bytes, as `bin()` does not exist."""
    return f"bin({data.hex()})" if data else "str()"


def text(data: bytes) -> str:
    """Return the expression of a text without NUL."""
    words = data.decode("utf-8", "surrogateescape")
    for letter in '\\"':
        words = words.replace(letter, f"\\{letter}")
    return f'str("{words}")'


def decoded(data: bytes) -> str:
    """Return the expression of a text that may have a NUL, which a constant may not."""
    return "str(" + "".join(f"%{code:02x}" for code in data) + "),url_dec"


def chance(random: Random, count: int, letters: bytes = bytes(range(256)), longest: int = 40) -> list[bytes]:
    """Return texts of these letters, of lengths up to `longest` bytes."""
    return [bytes(random.choices(letters, k=random.randint(0, longest))) for _ in range(count)]


def blocks(random: Random, count: int) -> list[bytes]:
    """Return blocks of data: the edges, one of each short length, some long ones, and others by chance."""
    lengths = [*range(1, 41), 63, 64, 65, 127, 128, 129, 239, 240, 241, 1000, 1024, 3000]
    return [*EDGES, *(random.randbytes(length) for length in lengths), *chance(random, count)]


def spoiled(random: Random, data: bytes, letters: bytes = bytes(range(256))) -> bytes:
    """Return the data with one byte changed, left out or put in, or cut."""
    at = random.randint(0, len(data))
    more = bytes([random.choice(letters)])
    return random.choice(
        (data[:at] + more + data[at + 1 :], data[:at] + data[at + 1 :], data[:at] + more + data[at:], data[:at])
    )
