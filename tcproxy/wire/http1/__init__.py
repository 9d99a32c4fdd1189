"""HTTP/1.0 and 1.1 for both roles: bytes to heads and bodies, and back. There are no sockets, timers or rules here.

    codec = Codec(CodecLimits(...))                  one for all clients of a proxy, one for its servers
    reader = RequestReader(codec)               one a connection
    request = reader.feed(data)                 None until a head is whole; BadMessage for what is none
    body = body_of(request, codec, 400)         body.feed(reader.take()), then all that comes, until body.done
    reader.feed(body.surplus)                      the next request, perhaps already there
    server.write(request.forward(close=...))
    response = ResponseReader(codec).feed(data, request)
    client.write(response.forward(request, keep))
"""

from .bodies import Body, ChunkedBody, CloseBody, LengthBody, NoBody, Piece, body_of, chunk, last_chunk
from .codec import Codec, RequestReader, ResponseReader
from .errors import BadMessage
from .fields import Field, KnownFields
from .framing import Framing
from .head import Adjust, Head
from .limits import CodecLimits
from .request import RequestHead, parse_request
from .response import ResponseHead, parse_response
from .whole import WholeResponse, compose, read_whole

__all__ = [
    "Adjust",
    "BadMessage",
    "Body",
    "ChunkedBody",
    "CloseBody",
    "Codec",
    "CodecLimits",
    "Field",
    "Framing",
    "Head",
    "KnownFields",
    "LengthBody",
    "NoBody",
    "Piece",
    "RequestHead",
    "RequestReader",
    "ResponseHead",
    "ResponseReader",
    "WholeResponse",
    "body_of",
    "chunk",
    "compose",
    "last_chunk",
    "parse_request",
    "parse_response",
    "read_whole",
]
