"""Requests for the statistics page of a section: the rule that answers them (statistics_answers.py)."""

from __future__ import annotations

from tcproxy.model.proxy import Proxy
from tcproxy.session.http.state import Rule


def of_frontend(front: Proxy) -> Rule | None:
    """Return the rule that answers for the page of a frontend; None without one."""
    return _answering(front, front) if front.statistics is not None else None


def of_backend(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that answers for the page of a backend; a `listen` section answers as a frontend."""
    if back.statistics is None or (back.is_frontend and back.name == front.name):
        return None
    return _answering(front, back)


def _answering(front: Proxy, owner: Proxy) -> Rule:
    from tcproxy.session.http import statistics_answers  # a configuration without a page needs none of it

    assert owner.statistics is not None
    return statistics_answers.answering(owner.statistics, front, owner)
