"""Deadlines: many alarms over one delayed call."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcproxy.session.stages import NEVER
from tcproxy.session.timers import MANY, Alarm, Awaiting, Deadlines
from tests.clocks import Clock
from tests.session.plays import Stage


class Sleeper(Awaiting):
    """Notes when it is woken."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.woken: list[float] = []

    def alarmed(self) -> None:
        """Note it."""
        self.woken.append(self.clock.seconds())

    def crashed(self, error: BaseException) -> None:
        """Fail the test."""
        raise error


def run_to(clock: Clock, until: float) -> None:
    """Turn the clock from one delayed call to the next."""
    while due := [call.getTime() for call in clock.getDelayedCalls() if call.getTime() <= until]:
        clock.advance(max(0.0, min(due) - clock.seconds()))
    clock.advance(max(0.0, until - clock.seconds()))


STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "put off", "advance", "cancel", "wait"]), st.integers(0, 20), st.integers(0, 50)),
    max_size=60,
)


@given(STEPS)
def test_every_alarm_strikes_once_and_in_time(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is put off, moved forward or cancelled: each alarm left strikes once, at its time, and none is kept."""
    clock = Clock()
    deadlines = Deadlines(clock)
    alarms: list[tuple[Alarm, Sleeper]] = []
    expected: dict[int, float] = {}
    for step, which, amount in steps:
        at = clock.seconds() + amount
        live = [one for one in expected if expected[one] > clock.seconds() or not alarms[one][1].woken]
        if step == "set":
            sleeper = Sleeper(clock)
            alarms.append((deadlines.set(at, sleeper), sleeper))
            expected[len(alarms) - 1] = at
        elif step == "wait":
            run_to(clock, clock.seconds() + amount)
        elif live:
            chosen = live[which % len(live)]
            alarm, sleeper = alarms[chosen]
            if sleeper.woken:
                continue
            if step == "cancel":
                deadlines.cancel(alarm)
                del expected[chosen]
            elif step == "put off":
                alarm.at += amount
                expected[chosen] += amount
            elif at < alarm.at:
                alarms[chosen] = (deadlines.advance(alarm, at), sleeper)
                expected[chosen] = at
    run_to(clock, clock.seconds() + 10_000)
    for number, (_, sleeper) in enumerate(alarms):
        assert sleeper.woken == ([expected[number]] if number in expected else [])
    assert not len(deadlines) and not clock.getDelayedCalls()


def test_cancelled_alarms_are_let_go() -> None:
    """Sessions that ended long before their deadline are not kept until then."""
    clock = Clock()
    deadlines = Deadlines(clock)
    for _ in range(20):
        for alarm in [deadlines.set(3600, Sleeper(clock)) for _ in range(MANY)]:
            deadlines.cancel(alarm)
    assert not len(deadlines)
    assert len(deadlines._heap) <= 2 * MANY


def test_one_that_fails_does_not_stop_the_others() -> None:
    """An owner that raises is told its exception, and the others are woken in time."""
    clock = Clock()
    deadlines = Deadlines(clock)

    class Failing(Awaiting):
        def alarmed(self) -> None:
            raise ValueError("a fault")

        def crashed(self, error: BaseException) -> None:
            told.append(str(error))

    told: list[str] = []
    sleeper = Sleeper(clock)
    deadlines.set(1, Failing())
    deadlines.set(1, sleeper)
    clock.advance(1)
    assert sleeper.woken == [1] and told == ["a fault"]


def test_closed_it_calls_nobody() -> None:
    """After close nothing is left in the clock."""
    clock = Clock()
    deadlines = Deadlines(clock)
    sleeper = Sleeper(clock)
    deadlines.set(1, sleeper)
    deadlines.close()
    clock.advance(5)
    assert not sleeper.woken and not clock.getDelayedCalls()


def test_who_leaves_within_a_second_sets_no_alarm() -> None:
    """Sessions that end before anything is due cost no deadline; one look is planned for all of them, and no other."""
    stage = Stage()
    stage.wait(0.5)
    for number in range(50):
        client = stage.client()
        assert len(stage.world.deadlines) == (1 if number else 2)  # the look, and the first one's own
        client.ends()
        stage.link.ends()
    assert stage.at_rest() and stage.world.newcomers.at != NEVER
    stage.wait(2)
    assert stage.world.newcomers.at == NEVER and not len(stage.world.deadlines)


def test_who_stays_longer_has_an_alarm_in_time() -> None:
    """Every session falls silent after its timeout, to the millisecond, whenever it began."""
    stage = Stage(timeouts={"client": 5000, "server": 5000})
    for _ in range(25):
        stage.client()
        stage.wait(0.1)
    assert 0 < len(stage.world.deadlines) < 26
    stage.wait(2.4)
    assert not stage.lines
    stage.wait(2.7)
    assert len(stage.lines) == 25 and all("0/5000 cD" in line for line in stage.lines)
    stage.wait(2)
    assert stage.at_rest() and not len(stage.world.deadlines)


def test_a_short_timeout_of_a_newcomer_strikes_before_the_look() -> None:
    """What is due within a second has an alarm of its own, also when that is found out later."""
    stage = Stage(timeouts={"client-fin": 300})
    stage.client()
    late = stage.client()
    stage.link.ends()
    assert late.session.connection.alarm is not None
    stage.wait(0.31)
    assert [line for line in stage.lines if "cD" in line and "/300 " in line]


def test_a_world_that_starts_anew_looks_at_newcomers_again() -> None:
    """After a stop, which forgets all deadlines, a session has an alarm as one of a new world has."""
    stage = Stage()
    stage.client().ends()
    stage.link.ends()
    stage.world.newcomers.close()
    stage.world.deadlines.close()
    stage.wait(5)
    assert stage.client().session.connection.alarm is not None and len(stage.world.deadlines) == 2
