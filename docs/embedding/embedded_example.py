"""A Twisted web application that carries its own balancer: two web servers, and tcproxy before them.

Run it with `twistd -ny embedded_example.py`, then ask port 8080 a few times who answers.
"""

from collections.abc import Sequence

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application, IService, MultiService
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tcproxy.service import service_from_text

CONFIGURATION = """
defaults
    mode tcp
    timeout connect 1s
    timeout client 30s
    timeout server 30s

listen shop
    bind 127.0.0.1:{front}
    balance roundrobin
{servers}
"""


class Hello(Resource):
    """A page that says which server made it."""

    isLeaf = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def render_GET(self, request: Request) -> bytes:
        """Answer any path."""
        request.setHeader(b"connection", b"close")
        return f"hello from {self.name}\n".encode()


def shop(front: int, backs: Sequence[int]) -> IService:
    """Return the whole application as one service: web servers on the ports `backs`, the balancer on `front`."""
    whole = MultiService()
    for port in backs:
        endpoint = TCP4ServerEndpoint(reactor, port, interface="127.0.0.1")
        StreamServerEndpointService(endpoint, Site(Hello(f"server {port}"))).setServiceParent(whole)
    servers = "\n".join(f"    server web{port} 127.0.0.1:{port} check" for port in backs)
    balancer = service_from_text(CONFIGURATION.format(front=front, servers=servers), reactor=reactor)
    balancer.setServiceParent(whole)
    return whole


application = Application("shop")
shop(8080, [8081, 8082]).setServiceParent(application)
