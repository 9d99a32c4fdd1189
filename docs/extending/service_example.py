"""A service: it answers with what it was asked, which shows what arrives behind a proxy.

Use it as `http-request use-service mirror if { path_beg /mirror/ }`. With `/mirror/numbers?1000` it counts up to a
number: the answer is made only as fast as the client reads it.
"""

import json
from collections.abc import Iterator

from zope.interface import implementer

from tcproxy.interfaces import Answer, IService, IServiceRequest


def numbers(last: int) -> Iterator[bytes]:
    """Give the lines of the numbers."""
    for number in range(1, last + 1):
        yield b"%d\n" % number


@implementer(IService)
class Mirror:
    """The service."""

    name = "mirror"
    manual = "Answer with the request as it came."
    wants_body = True

    def serve(self, request: IServiceRequest) -> Answer:
        """Answer a request."""
        if request.path == b"/mirror/numbers":
            last = request.uri.partition(b"?")[2]
            if not last.isdigit():
                return Answer(400, b"Write a number behind the question mark.\n", [("content-type", "text/plain")])
            return Answer(body=numbers(int(last)), headers=[("content-type", "text/plain")])
        told = {
            "method": request.method.decode(),
            "uri": request.uri.decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers()],
            "body": request.body.decode("latin-1"),
            "whole": request.body_is_whole,
        }
        return Answer(body=json.dumps(told).encode(), headers=[("content-type", "application/json")])


mirror = Mirror()
