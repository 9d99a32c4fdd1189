"""The load at which a backend counts as full where `fullconn` does not say (manual 4.2, `fullconn`)."""

from __future__ import annotations

from collections.abc import Iterable

from tcproxy.model.proxy import Proxy


def fullconns(proxies: Iterable[Proxy], maxconn: int) -> dict[str, int]:
    """Return the fullconn of every backend: a tenth of what the frontends that may lead to it can take, at least 1.

    `maxconn` is the process's, for frontends without one.
    """
    proxies = list(proxies)
    reach = dict.fromkeys((proxy.name for proxy in proxies if proxy.is_backend), 0)
    for proxy in proxies:
        if proxy.is_frontend and not proxy.disabled:
            for target in _targets(proxy):
                if target in reach:
                    reach[target] += proxy.maxconn or maxconn
    return {
        proxy.name: proxy.fullconn or max(1, (reach[proxy.name] + 9) // 10) for proxy in proxies if proxy.is_backend
    }


def _targets(proxy: Proxy) -> set[str]:
    """Return the backends a frontend may choose; a listen section without a default one chooses itself."""
    default = proxy.default_backend or (proxy.name if proxy.is_backend else "")
    return {default, *(rule.name for rule in proxy.use_backends)}
