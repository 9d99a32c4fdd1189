"""The Connection header: what it says of the connection, and what is forwarded of it.

HAProxy removes the words `close` and `keep-alive`, writes its own Connection header at the end of the head, and
forwards all other words. It forwards headers that Connection names, too.
"""

from __future__ import annotations

from collections.abc import Iterable

from .fields import CONNECTION, Field

CLOSE, KEEP, UPGRADED = 1, 2, 4
WORDS = {b"close": CLOSE, b"keep-alive": KEEP, b"upgrade": UPGRADED}


def spoken(fields: Iterable[Field]) -> tuple[int, list[Field]]:
    """Return the flags of all Connection headers together, and the headers without `close` and `keep-alive`."""
    flags = 0
    kept = []
    for field in fields:
        if not field.kind & CONNECTION:
            kept.append(field)
            continue
        said, left = connection_words(field)
        flags |= said
        if left is not None:
            kept.append(left)
    return flags, kept


def connection_words(field: Field) -> tuple[int, Field | None]:
    """Return the flags of one Connection header, and the header to forward, None where no word is left."""
    flag = WORDS.get(field.value.lower())
    if flag:  # most headers have one word
        return flag, field if flag == UPGRADED else None
    flags = 0
    kept = b""
    removed = False
    for number, word in enumerate(elements(field.value)):
        bare = word.strip(b" \t")
        flag = WORDS.get(bare.lower(), 0)
        flags |= flag
        if flag & (CLOSE | KEEP):
            removed = True
        elif removed:
            kept = b"%b,%b" % (kept, bare) if kept else bare
        else:
            kept = b"%b,%b" % (kept, word) if number else word
    kept = kept.removesuffix(b",").lstrip(b" \t")
    if not kept.strip(b", \t"):
        return flags, None
    return flags, field if kept == field.value else Field(field.name, kept)


def elements(value: bytes) -> list[bytes]:
    """Split the value of a list header at its commas, but not within quotes. Spaces stay."""
    if b'"' not in value:
        return value.split(b",")
    found: list[bytes] = []
    start = at = 0
    quoted = False
    while at < len(value):
        byte = value[at]
        if quoted and byte == 0x5C:
            at += 1
        elif byte == 0x22:
            quoted = not quoted
        elif byte == 0x2C and not quoted:
            found.append(value[start:at])
            start = at + 1
        at += 1
    found.append(value[start:])
    return found
