"""Limits that follow from others, once the process's own limit is known (manual 4.2, `maxconn` and `fullconn`)."""

from __future__ import annotations

from dataclasses import replace

from tcproxy.model.process import Configuration
from tcproxy.model.proxy import Proxy


def with_limits(configuration: Configuration, maxconn: int) -> Configuration:
    """Return the configuration with each frontend's `maxconn` and each backend's `fullconn` set.

    maxconn: of the process; a frontend that says nothing has the same. A backend that says nothing gets a tenth of
    what all frontends that may send to it can take together, and at least 1.
    """
    limited = [
        replace(proxy, maxconn=proxy.maxconn or maxconn) if proxy.is_frontend else proxy
        for proxy in configuration.proxies
    ]
    reach = dict.fromkeys((proxy.name for proxy in limited if proxy.is_backend), 0)
    for proxy in limited:
        for name in _targets(proxy):
            reach[name] += proxy.maxconn
    proxies = tuple(
        replace(proxy, fullconn=proxy.fullconn or max(1, (reach[proxy.name] + 9) // 10)) if proxy.is_backend else proxy
        for proxy in limited
    )
    return replace(configuration, proxies=proxies)


def _targets(proxy: Proxy) -> list[str]:
    """Return the backends that a proxy sends clients to, each once."""
    if not proxy.is_frontend or proxy.disabled:
        return []
    names = dict.fromkeys(rule.name for rule in proxy.use_backends if rule.form is None)
    if proxy.default_backend:
        names[proxy.default_backend] = None
    elif proxy.is_backend:
        names[proxy.name] = None
    return list(names)
