"""A converter: a text without the part that says who it is about, for logs and headers.

Use it as `req.hdr(x-user),masked`, or `req.hdr(x-user),masked(2)` to keep two characters.
"""

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.interfaces import IConverter


@implementer(IConverter)
class Masked:
    """The converter."""

    name = "masked"
    manual = "Replace all but the first characters by asterisks."
    takes = "str"
    gives = "str"

    def parse(self, arguments: Sequence[str]) -> int:
        """Read how many characters stay; what is wrong is told with the file and line."""
        if len(arguments) > 1 or not all(word.isdigit() for word in arguments):
            raise ValueError("write masked, or masked(N) with a number")
        return int(arguments[0]) if arguments else 1

    def convert(self, value: bool | int | bytes, parsed: object) -> bytes | None:
        """Mask a text, which comes as bytes."""
        assert isinstance(value, bytes) and isinstance(parsed, int)
        return value[:parsed] + b"*" * len(value[parsed:])


masked = Masked()
