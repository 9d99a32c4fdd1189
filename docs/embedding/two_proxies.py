"""An application with two proxies of its own: one before web servers, one before Redis. Each stops by itself.

Run it with `twistd -ny two_proxies.py`; `twistd --reactor tcproxy -ny two_proxies.py` is faster.
"""

from twisted.application.service import Application, MultiService

from tcproxy.service import ProxyService, service_from_text

WEB = """
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s

listen web
    bind {listen}
    balance leastconn
{servers}
"""

REDIS = """
defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h

listen redis
    bind {listen}
    balance first
{servers}
"""


class Proxies(MultiService):
    """Both proxies. `web` and `redis` are services like any other: each may be stopped and started alone.

    web_servers, redis_servers: where to connect to, as `127.0.0.1:8081`.
    """

    def __init__(self, web_servers: list[str], redis_servers: list[str], listen: tuple[str, str]) -> None:
        super().__init__()
        self.web = self._proxy("web", WEB, web_servers, listen[0])
        self.redis = self._proxy("redis", REDIS, redis_servers, listen[1])

    def _proxy(self, name: str, text: str, servers: list[str], listen: str) -> ProxyService:
        lines = "\n".join(f"    server s{number} {address} check" for number, address in enumerate(servers))
        proxy = service_from_text(text.format(listen=listen, servers=lines), name=name)
        proxy.setServiceParent(self)
        return proxy


application = Application("two proxies")
Proxies(
    ["127.0.0.1:8081", "127.0.0.1:8082"], ["127.0.0.1:6380", "127.0.0.1:6381"], ("127.0.0.1:8080", "127.0.0.1:6379")
).setServiceParent(application)
