"""The door for twistd: the subcommand `tcproxy` and `--reactor tcproxy`. It imports nothing of ours."""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

tcproxy = ServiceMaker(
    "tcproxy", "tcproxy.tap", "Proxy and balance connections as a haproxy.cfg says.", "tcproxy"
)
tcproxy_reactor = Reactor(
    "tcproxy", "tcproxy.transport.reactor", "epoll, with a shorter way for proxied bytes."
)
