"""Plays of waiting: who gets which slot, in what order, and what becomes of those whose server goes away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.playing import Client, Play, clients, model, places


def test_the_backends_queue_is_served_in_order() -> None:
    """When all are saturated clients wait in the backend's queue, and the next one gets the slot that is freed."""
    farm = Play().farm(model("s", maxconn=1), model("t", maxconn=1))
    group = clients(farm, 5)
    assert places(group) == ["s", "t", "?", "?", "?"]
    tickets = [client.ticket for client in group[2:]]
    assert [ticket.ahead for ticket in tickets if ticket] == [0, 1, 2]
    group[1].leave()
    group[0].leave()
    assert places(group) == ["", "", "t", "s", "?"]
    assert [ticket.backend_queue for ticket in tickets if ticket] == [1, 2, 0]
    assert (farm.counters.queue_current, farm.counters.queue_highest) == (1, 3)
    assert (farm.counters.selected, [s.counters.total for s in farm.servers]) == (2, [2, 2])


def test_a_servers_queue_is_for_those_bound_to_it() -> None:
    """A hash sends every client to its server, saturated or not: they wait there, and up to maxqueue only."""
    farm = Play().farm(model("s", maxconn=1, maxqueue=2), balance="source")
    group = clients(farm, 5)
    assert places(group) == ["s", "?s", "?s", "", ""]
    assert [client.away for client in group] == [False, False, False, True, True]
    assert farm.available == 1
    second, third = group[1].ticket, group[2].ticket
    group[2].leave()
    group[0].leave()
    assert second and third and (second.server_queue, third.server_queue) == (1, 1)
    assert places(group[1:3]) == ["s", ""]


def test_no_usable_server_is_told_at_once() -> None:
    """With nothing usable assign returns None and nothing is counted but the caller's own."""
    farm = Play().farm(model("s"))
    farm.servers[0].down()
    assert Client(farm).arrive().away
    assert (farm.available, farm.counters.selected, farm.served) == (0, 0, 0)
    assert Play().farm(name="empty").assign(Client(farm)) is None


def test_both_queues_are_served_by_age_and_the_own_one_first() -> None:
    """Of a server's queue and the backend's, the older client is served; of the same millisecond, the server's own."""
    play = Play()
    farm = play.farm(model("s", maxconn=1))
    server = farm.servers[0]
    first = Client(farm).arrive()
    play.clock.advance(0.01)
    common = Client(farm).arrive()
    own = Client(farm).want(server)
    play.clock.advance(0.01)
    younger = Client(farm).want(server)
    late = Client(farm).arrive()
    order = []
    waiting = [common, own, younger, late]
    first.leave()
    while True:
        served = next((client for client in waiting if client.server), None)
        if served is None:
            break
        order.append(served)
        served.leave()
    assert order == [own, common, younger, late]


def test_take_without_queue() -> None:
    """A caller that would not wait gets None from a saturated server."""
    farm = Play().farm(model("s", maxconn=1))
    assert Client(farm).want(farm.servers[0], queue=False).at == "s"
    assert Client(farm).want(farm.servers[0], queue=False).away
    assert len(farm.servers[0].queue) == 0


def test_a_server_that_comes_up_takes_who_waits() -> None:
    """As many as its maxconn allows, and the message counts them."""
    play = Play()
    farm = play.farm(model("s", maxconn=1), model("t", maxconn=2))
    farm.servers[1].down()
    group = clients(farm, 6)
    play.said()
    farm.servers[1].up()
    assert places(group) == ["s", "t", "t", "?", "?", "?"]
    assert play.said()[0][1].endswith("2 active and 0 backup servers online. 2 sessions requeued, 0 total in queue.")


@pytest.mark.parametrize("leave", ["maint", "drain", "weight"])
def test_whatever_brings_a_server_back_serves_who_waits(leave: str) -> None:
    """After maintenance, drain or a weight of 0, nobody waits while the server has slots."""
    farm = Play().farm(model("s", maxconn=1), model("t", maxconn=2))
    server = farm.servers[1]
    if leave == "weight":
        server.set_weight("0")
    else:
        server.set_state(leave)
    group = clients(farm, 4)
    assert places(group) == ["s", "?", "?", "?"]
    if leave == "weight":
        server.set_weight("100%")
    else:
        server.set_state("ready")
    assert places(group) == ["s", "t", "t", "?"]


def test_redistribution_needs_option_redispatch() -> None:
    """Without `option redispatch`, or with `option persist`, who waits for a server stays; its slots still serve."""
    ways: tuple[dict[str, Any], ...] = ({}, {"redispatch": -1, "options": frozenset({"persist"})})
    for options in ways:
        play = Play()
        farm = play.farm(model("s", maxconn=1), model("t"), balance="leastconn", **options)
        first, second = (Client(farm).want(farm.servers[0]) for _ in range(2))
        farm.servers[0].set_state("maint")
        assert play.said()[0][1].endswith("1 sessions active, 0 requeued, 1 remaining in queue.")
        assert second.at == "?s"
        first.leave()
        assert second.at == "s"


def test_redistribution_balances_again() -> None:
    """With `option redispatch` who waits goes to the other server, or to its queue, and is counted redispatched."""
    play = Play()
    farm = play.farm(model("s", maxconn=1), model("t", maxconn=2), redispatch=-1)
    group = [Client(farm).want(farm.servers[0]) for _ in range(5)]
    tickets = [client.ticket for client in group]
    farm.servers[0].down()
    assert play.said()[0][1].endswith("1 sessions active, 4 requeued, 0 remaining in queue.")
    assert places(group) == ["s", "t", "t", "?", "?"]
    assert (farm.servers[0].counters.redispatches, farm.counters.redispatches) == (4, 4)
    assert all(ticket.redispatched for ticket in tickets if ticket)
    group[1].leave()
    assert places(group) == ["s", "", "t", "t", "?"]
    assert tickets[3] and (tickets[3].server_queue, tickets[3].backend_queue) == (1, 1)


def test_turned_away_when_nothing_is_left() -> None:
    """Who waited for the last server is told that there is none."""
    farm = Play().farm(model("s", maxconn=1), redispatch=-1)
    group = [Client(farm).want(farm.servers[0]) for _ in range(3)]
    farm.servers[0].down()
    assert places(group) == ["s", "", ""]
    assert [client.away for client in group] == [False, True, True]


def test_backups_serve_when_it_is_their_turn() -> None:
    """The first usable backup serves alone, or all share with `option allbackups`; not while a server is active."""
    for options, expected in ((frozenset(), ["k", "k", "k"]), (frozenset({"allbackups"}), ["k", "l", "k"])):
        farm = Play().farm(model("s"), model("k", backup=True), model("l", backup=True), options=options)
        assert places(clients(farm, 2)) == ["s", "s"]
        farm.servers[0].down()
        assert places(clients(farm, 3)) == expected
        farm.servers[1].down()
        assert places(clients(farm, 2)) == ["l", "l"]
        farm.servers[1].up()
        assert sorted(places(clients(farm, 2))) == sorted(expected[:2])


def test_a_backup_calls_nobody_while_an_active_server_lives() -> None:
    """A backup that comes up leaves the backend's queue to the active servers, until they are gone."""
    farm = Play().farm(model("s", maxconn=1), model("k", backup=True))
    farm.servers[1].down()
    group = clients(farm, 3)
    farm.servers[1].up()
    assert places(group) == ["s", "?", "?"]
    farm.servers[0].down()
    assert places(group) == ["s", "k", "k"]


def test_those_who_came_first_are_not_overtaken() -> None:
    """While sessions wait in the backend's queue, a newcomer joins it, even if a server has a slot by now."""
    farm = Play().farm(model("s", maxconn=1), model("t", maxconn=1), balance="roundrobin")
    group = clients(farm, 3)
    farm.servers[0].maxconn = 2
    assert Client(farm).arrive().at == "?"
    assert places(group) == ["s", "t", "?"]


def test_minconn_follows_the_backends_load() -> None:
    """The limit goes from minconn to maxconn as the backend fills up to fullconn."""
    farm = Play().farm(model("s", minconn=2, maxconn=10), fullconn=20)
    limits = []
    for sessions in (0, 4, 8, 19, 20, 30):
        farm.counters.current = sessions
        limits.append(farm.servers[0].limit())
    assert limits == [2, 2, 4, 9, 10, 10]
    assert Play().farm(model("s", minconn=5)).servers[0].limit() == 5


def test_maxconn_changed_at_run_time() -> None:
    """A higher maxconn serves who waits at once, none at all serves everybody."""
    farm = Play().farm(model("s", maxconn=1))
    group = clients(farm, 4)
    farm.servers[0].set_maxconn(2)
    assert places(group) == ["s", "s", "?", "?"]
    farm.servers[0].set_maxconn(0)
    assert places(group) == ["s"] * 4


def test_a_session_that_fails_while_being_granted() -> None:
    """A granted session may give its slot back within the call; the queue is served on without recursion."""

    class Hasty(Client):
        def granted(self, server: object) -> None:
            super().granted(server)  # type: ignore[arg-type]
            self.leave()

    farm = Play().farm(model("s", maxconn=1))
    first = Client(farm).arrive()
    group = [Hasty(farm).arrive() for _ in range(3000)]
    first.leave()
    assert places(group) == [""] * 3000
    assert (farm.served, len(farm.queue), farm.servers[0].counters.total) == (0, 0, 3001)


def test_a_slot_taken_for_one_who_gave_up_meanwhile() -> None:
    """Two are called together; the first one's joy ends the second's wait: its slot goes to the third."""
    farm = Play().farm(model("s", maxconn=1), model("t", maxconn=2))
    farm.servers[1].down()
    group = clients(farm, 4)

    class Ends(Client):
        def granted(self, server: object) -> None:
            super().granted(server)  # type: ignore[arg-type]
            assert group[2].ticket and group[2].ticket.waiting
            group[2].leave()

    group[1].__class__ = Ends
    farm.servers[1].up()
    assert places(group) == ["s", "t", "", "t"]
    assert farm.servers[1].served == 2


def test_retries_on_a_kept_slot_count_as_connections() -> None:
    """`again` counts the attempt (total, rate), not another session."""
    farm = Play().farm(model("s"))
    client = Client(farm).arrive()
    farm.again(farm.servers[0])
    counters = farm.servers[0].counters
    assert (counters.total, counters.current, farm.served, farm.servers[0].last_session) == (2, 1, 1, 1000)
    client.leave()
    assert counters.current == 0


def test_avoid_is_not_counted_as_a_choice() -> None:
    """Balancing back to the server that just failed is no new choice (column lbtot)."""
    farm = Play().farm(model("s"))
    client = Client(farm).arrive()
    client.leave()
    client.arrive(avoid=farm.servers[0])
    assert (client.at, farm.counters.selected) == ("s", 1)


def test_the_lowest_class_is_called_first() -> None:
    """A priority sets a client before those of a higher class, and an offset lets it count as come later."""
    farm = Play().farm(model("s", maxconn=1))
    first = Client(farm).arrive()
    waiting = []
    for priority in ((0, 0), (0, 500), (1, 0), (-1, 0), (0, 0)):
        client = ranked(priority)(farm)
        waiting.append(client.arrive())
    assert first.server is not None
    farm.release(first.server)
    order: list[Client] = []
    while len(order) < len(waiting):
        called = next(one for one in waiting if one.server is not None and one not in order)
        order.append(called)
        called.leave()
    assert [waiting.index(one) for one in order] == [3, 0, 4, 1, 2]


def ranked(priority: tuple[int, int]) -> type[Client]:
    """Return clients of a priority."""

    class Ranked(Client):
        @property
        def priority(self) -> tuple[int, int]:
            return priority

    return Ranked
