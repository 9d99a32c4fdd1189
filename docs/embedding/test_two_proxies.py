"""How an application tests the proxies that it carries, with trial: `trial test_two_proxies`.

No port is chosen here. `bind 127.0.0.1:0` lets the system give one, and `addresses()` tells which it was.
"""

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase
from two_proxies import Proxies

ANY_PORT = "127.0.0.1:0"


class Greeter(Protocol):
    """A server that answers whatever it is asked with its greeting, and closes."""

    greeting = b""

    def dataReceived(self, data):
        """Greet; a health check says nothing, and is not greeted."""
        self.transport.write(self.greeting)
        self.transport.loseConnection()


class Asker(Protocol):
    """A client that asks, and reads until the other side closes. `heard` fires with all of it."""

    def __init__(self, question):
        self.question, self.heard, self.answer = question, Deferred(), b""

    def connectionMade(self):
        """Ask."""
        self.transport.write(self.question)

    def dataReceived(self, data):
        """Gather."""
        self.answer += data

    def connectionLost(self, reason):
        """Tell what came."""
        self.heard.callback(self.answer)


class TwoProxiesTests(TestCase):
    """Both proxies before servers of the test."""

    @inlineCallbacks
    def setUp(self):
        """Start two servers, then the proxies, and wait until these listen."""
        web = yield self.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        redis = yield self.serve(b"+PONG\r\n")
        self.proxies = Proxies([web], [redis], (ANY_PORT, ANY_PORT))
        self.addCleanup(self.proxies.stopService)
        listening = self.proxies.web.when_listening()
        self.proxies.startService()
        yield listening

    @inlineCallbacks
    def serve(self, greeting):
        """Start a server that greets; return its address as a configuration has it."""
        factory = Factory.forProtocol(type("Server", (Greeter,), {"greeting": greeting}))
        port = yield TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(port.stopListening)
        return f"127.0.0.1:{port.getHost().port}"

    @inlineCallbacks
    def ask(self, proxy, section, question):
        """Return what a proxy answers."""
        address = proxy.addresses()[section][0]
        asker = yield connectProtocol(TCP4ClientEndpoint(reactor, address.host, address.port), Asker(question))
        answer = yield asker.heard
        return answer

    @inlineCallbacks
    def test_each_serves_its_own(self):
        """A request reaches the web server, and a command the Redis server."""
        request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        page = yield self.ask(self.proxies.web, "web", request)
        self.assertTrue(page.endswith(b"\r\n\r\nhello"))
        pong = yield self.ask(self.proxies.redis, "redis", b"PING\r\n")
        self.assertEqual(pong, b"+PONG\r\n")

    @inlineCallbacks
    def test_one_stops_alone(self):
        """The web proxy serves on when the other one has stopped, which then listens nowhere."""
        yield self.proxies.redis.stopService()
        self.assertEqual(self.proxies.redis.addresses(), {"redis": []})
        self.assertIsInstance(self.proxies.web.addresses()["web"][0], IPv4Address)
        page = yield self.ask(self.proxies.web, "web", b"GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(page.startswith(b"HTTP/1.1 200 OK\r\n"))
