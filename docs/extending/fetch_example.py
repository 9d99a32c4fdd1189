"""A fetch: how many of the named cookies a request brings.

Use it as `acl known cookies_of(session,cart) ge 2`, or `http-request set-header X-Cookies %[cookies_of(session)]`.
"""

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.interfaces import IFacts, IFetch


@implementer(IFetch)
class CookiesOf:
    """The sample."""

    name = "cookies_of"
    manual = "How many of these cookies the request has."
    kind = "int"

    def parse(self, arguments: Sequence[str]) -> frozenset[bytes]:
        """Read the names; what is wrong is told with the file and line."""
        if not arguments:
            raise ValueError("write the names of cookies in parentheses")
        return frozenset(name.encode() for name in arguments)

    def take(self, facts: IFacts, parsed: object) -> int | None:
        """Count; a request without cookies has no sample."""
        assert isinstance(parsed, frozenset)
        line = facts.header(b"cookie")
        if line is None:
            return None
        return len(parsed & {part.partition(b"=")[0].strip() for part in line.split(b";")})


cookies_of = CookiesOf()
