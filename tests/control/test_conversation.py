"""Conversations: how lines become commands, and how answers, prompts and ends follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from tcproxy.control.command_rows import Answer, CommandError, CommandLine, CommandRow, Level, Message, Talk
from tcproxy.control.command_table import CommandTable
from tcproxy.control.conversation import LONGEST, Conversation, split_words
from tests.control.worlds import Play


def test_one_line_then_the_end(play: Play) -> None:
    """Without prompt, one line is answered, an empty line follows, and the conversation is over."""
    assert play.conversation.feed(b"show cli level\n") == b"admin\n\n"
    assert play.talk.ended


def test_a_line_in_pieces(play: Play) -> None:
    """Nothing is answered before a line is whole."""
    assert play.conversation.feed(b"show cli") == b""
    assert not play.talk.ended
    assert play.conversation.feed(b" level\r\n") == b"admin\n\n"


def test_several_commands_and_lines(play: Play) -> None:
    """Commands of a line, and lines that come together, are all answered, each with its empty line."""
    answer = play.conversation.feed(b"show cli level;user;show cli level\nshow cli level\n")
    assert answer == b"admin\n\n\nuser\n\nuser\n\n"
    assert play.talk.ended


def test_prompt_goes_on_until_it_is_switched_off(play: Play) -> None:
    """`prompt` enters the interactive mode; once more leaves it and ends the conversation."""
    assert play.conversation.feed(b"prompt\n") == b"\n> "
    assert play.conversation.feed(b"show cli level\n") == b"admin\n\n> "
    assert not play.talk.ended
    assert play.conversation.feed(b"prompt\n") == b"\n"
    assert play.talk.ended


def test_quit_drops_the_rest(play: Play) -> None:
    """`quit` ends at once; what follows on the line is not obeyed."""
    assert play.conversation.feed(b"show cli level;quit;user\n") == b"admin\n\n"
    assert play.talk.ended
    assert play.talk.level is Level.ADMIN


def test_backslashes_protect(play: Play) -> None:
    """A backslash takes the meaning of semicolons, line ends, spaces and backslashes away."""
    conversation = small()
    conversation.talk.prompting = True
    assert conversation.feed(b"echo a\\;b;echo c\\\\;echo d\\\ne\n") == (
        b"('a;b',) ''\n\n> ('c\\\\',) ''\n\n> ('d\\ne',) ''\n\n> "
    )
    assert split_words("a\\;b  c\\ d\te\\\\") == ["a;b", "c d", "e\\"]


@given(st.lists(st.text("ab;\\ \t", min_size=1, max_size=5), min_size=1, max_size=4))
def test_protected_words_survive(words: list[str]) -> None:
    """Words written with a backslash before every character are read as they were, on a line of their own."""
    line = " ".join("".join(f"\\{character}" for character in word) for word in words)
    assert split_words(line) == words
    assert small().feed(f"echo {line}\n".encode()) == f"{tuple(words)} ''\n\n".encode()


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever comes, the conversation answers or waits."""
    talk = Talk(None, CommandTable((CommandRow("quit", lambda command: ""),)))  # type: ignore[arg-type]
    assert isinstance(Conversation(talk).feed(data + b"\n"), bytes)


def echo(command: CommandLine) -> Answer:
    """Answer with words and payload."""
    return f"{command.words} {command.payload!r}\n"


def fail(command: CommandLine) -> Answer:
    """Fail."""
    raise CommandError("It failed.")


def note(command: CommandLine) -> Answer:
    """Answer with a message."""
    return Message("Noted.", 5)


def small(level: Level = Level.ADMIN) -> Conversation:
    """Return a conversation that knows three commands."""
    rows = (CommandRow("echo", echo), CommandRow("fail", fail), CommandRow("note", note, level=Level.OPERATOR))
    return Conversation(Talk(None, CommandTable(rows), level, level))  # type: ignore[arg-type]


def test_payload() -> None:
    """`<<` at the end of a line takes the lines up to an empty one, for the last command of the line."""
    conversation = small()
    assert conversation.feed(b"echo a;echo b <<\none;1\n") == b"('a',) ''\n\n"
    assert not conversation.talk.ended
    assert conversation.feed(b"two\n\n") == b"('b',) 'one;1\\ntwo'\n\n"
    assert conversation.talk.ended


def test_each_command_is_answered_at_its_end() -> None:
    """`;` ends a command as a line end does; what stands behind it is awaited, and keeps the conversation open."""
    conversation = small()
    assert conversation.feed(b"echo a;echo") == b"('a',) ''\n\n"
    assert not conversation.talk.ended
    assert conversation.unfinished
    assert conversation.feed(b" b;") == b"('b',) ''\n\n"
    assert conversation.talk.ended
    assert not conversation.unfinished


PIECES = (b"echo", b" ", b"a", b"\\", b";", b"\n", b"\r", b"<<", b"\0")


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.data())
def test_cuts_change_no_answer(pieces: list[bytes], data: st.DataObject) -> None:
    """In the interactive mode the answers are the same, wherever the bytes of the commands are cut."""
    whole = b"".join(pieces)
    cut = data.draw(st.integers(0, len(whole)))
    one, two = small(), small()
    one.talk.prompting = two.talk.prompting = True
    assert one.feed(whole) == two.feed(whole[:cut]) + two.feed(whole[cut:])


def test_payloads_have_an_end() -> None:
    """A payload that is too long ends the conversation, and its command is not obeyed."""
    conversation = small()
    assert conversation.feed(b"echo <<\n" + b"x" * 9000 + b"\n" + b"y" * 9000 + b"\n\n") == b""
    assert conversation.talk.ended


def test_payload_prompts() -> None:
    """In the interactive mode each line of a payload is asked for with a plus."""
    conversation = small()
    conversation.talk.prompting = True
    assert conversation.feed(b"echo <<\n") == b"+ "
    assert conversation.feed(b"x\n") == b"+ "
    assert conversation.feed(b"\n") == b"() 'x'\n\n> "
    assert not conversation.talk.ended


@pytest.mark.parametrize("line", [b"echo <<x\n", b"echo << \n"])
def test_what_is_no_payload(line: bytes) -> None:
    """The mark of a payload is the very end of a command."""
    conversation = small()
    assert conversation.feed(line)
    assert conversation.talk.ended


@pytest.mark.parametrize(
    ("severity", "error", "message"),
    [
        ("none", b"It failed.\n\n", b"Noted.\n\n"),
        ("number", b"[3]: It failed.\n\n", b"[5]: Noted.\n\n"),
        ("string", b"[err]: It failed.\n\n", b"[notice]: Noted.\n\n"),
    ],
)
def test_severities(severity: str, error: bytes, message: bytes) -> None:
    """Messages carry their severity where that is wanted; dumps never do."""
    conversation = small()
    conversation.talk.severity, conversation.talk.prompting = severity, True
    assert conversation.feed(b"fail\n") == error + b"> "
    assert conversation.feed(b"note\n") == message + b"> "
    assert conversation.feed(b"echo\n") == b"() ''\n\n> "


def test_levels() -> None:
    """A command above the level is denied, one at the level is not."""
    assert small(Level.USER).feed(b"note\n") == b"Permission denied\n\n"
    assert small(Level.OPERATOR).feed(b"note\n") == b"Noted.\n\n"


def test_too_long_a_line_ends_it(play: Play) -> None:
    """A line longer than the buffer of the reference ends the conversation unanswered."""
    assert play.conversation.feed(b"x" * (LONGEST + 1)) == b""
    assert play.talk.ended


def test_nothing_is_an_unknown_command(play: Play) -> None:
    """An empty line, and a word nobody knows, are answered with all commands."""
    for line in (b"\n", b"zzzz\n"):
        play.talk.ended = False
        answer = play.conversation.feed(line).decode()
        assert answer.startswith("Unknown command. Please enter one of the following commands only:\n  a")
        assert answer.endswith("  quit                                    : close the conversation\n\n")


def test_neighbours_are_suggested(play: Play) -> None:
    """The beginning of commands lists them; a slip of the pen finds what was meant."""
    words = "Unknown command, but maybe one of the following ones is a better match:\n"
    beginning = play.say("show servers")
    assert beginning.startswith(words + "  show servers conn")
    assert beginning.count("\n") == 6
    assert play.say("shwo stat").startswith(words + "  show stat ")
    assert "set maxconn global" in play.say("set maxconn")


def test_help(play: Play) -> None:
    """`help` lists what is supported, `help WORDS` what begins with them."""
    everything = play.say("help")
    assert "  show info [desc|json|typed|float]*      : " in everything
    assert "show table" not in everything
    assert play.say("help set weight").count("\n") == 5


def test_commands_not_supported_yet_answer_by_name(play: Play) -> None:
    """What HAProxy knows and we do not is refused by name, for those who would be allowed to use it."""
    assert play.say("show table x") == "'show table' is known to HAProxy 2.6, not supported by tcproxy yet.\n"
    play.talk.level = Level.USER
    assert play.say("add server a/b") == "Permission denied\n"


# answers in pieces, and answers that come later


class LaterAnswer:
    """A Deferred, as far as a conversation uses one."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[object], object]] = []
        self.cancelled = False

    def addBoth(self, callback: Callable[[object], object]) -> None:
        """Note who waits."""
        self.callbacks.append(callback)

    def fire(self, result: object) -> None:
        """Give the answer."""
        self.callbacks[0](result)

    def cancel(self) -> None:
        """Note it."""
        self.cancelled = True


class Told:
    """A conversation with a command that answers in pieces, one that fails in them, and one that answers later."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = 0
        self.later = LaterAnswer()
        self.resumed = 0
        table = CommandTable(
            (
                CommandRow("count", lambda command: self.numbers()),
                CommandRow("fail", lambda command: self.failing()),
                CommandRow("later", lambda command: self.later),
                CommandRow("echo", echo),
                CommandRow("prompt", lambda command: "", help="stay"),
            )
        )
        self.talk = Talk(None, table)  # type: ignore[arg-type]
        self.conversation = Conversation(self.talk, self._resume)

    def _resume(self) -> None:
        self.resumed += 1

    def numbers(self) -> Iterator[str]:
        """Count to a thousand."""
        try:
            for number in range(1000):
                self.made += 1
                yield f"{number}\n"
        finally:
            self.closed += 1

    def failing(self) -> Iterator[str]:
        """Fail behind a piece."""
        yield "one\n"
        raise CommandError("no more")


def test_pieces_are_made_as_they_are_wanted() -> None:
    """An answer in pieces is made only as far as somebody asks for it, and the commands behind it wait."""
    told = Told()
    told.conversation.take(b"count;echo x\n")
    assert told.conversation.more(lambda: True) == b"0\n"
    assert told.made == 1
    rest = b""
    while piece := told.conversation.more(lambda: True):
        rest += piece
    assert rest.startswith(b"1\n2\n") and rest.endswith(b"999\n\n('x',) ''\n\n")
    assert told.talk.ended


def test_a_client_that_leaves_ends_the_making() -> None:
    """What is left of an answer is not made, and a Deferred is cancelled, when the client is gone."""
    told = Told()
    told.conversation.take(b"count\n")
    told.conversation.more(lambda: True)
    told.conversation.close()
    assert told.closed == 1 and told.conversation.more() == b""
    told = Told()
    assert told.conversation.feed(b"later\n") == b""
    told.conversation.close()
    assert told.later.cancelled


def test_an_error_within_pieces_is_told() -> None:
    """A command that fails behind its first pieces says so, and the next command is obeyed."""
    assert Told().conversation.feed(b"fail;echo x\n") == b"one\nno more\n\n('x',) ''\n\n"


@pytest.mark.parametrize(
    ("result", "said"),
    [("now\n", b"now\n"), (Message("told"), b"told\n"), (iter(["a\n", "b\n"]), b"a\nb\n")],
    ids=["text", "message", "pieces"],
)
def test_a_later_answer_holds_up_its_own_conversation_only(result: object, said: bytes) -> None:
    """Commands behind one that answers later wait for it; they are obeyed in their order."""
    told = Told()
    assert told.conversation.feed(b"echo a;later;echo b\n") == b"('a',) ''\n\n"
    assert told.conversation.waits and not told.talk.ended
    told.later.fire(result)
    assert told.resumed == 1
    assert told.conversation.feed(b"") == said + b"\n('b',) ''\n\n"
    assert told.talk.ended


def followed(asked: list[Deferred[None]], closed: list[bool]) -> CommandRow:
    """Return a command that gives one piece each time its Deferred fires."""

    def pieces() -> Iterator[str | Deferred[None]]:
        try:
            while True:
                yield "more\n"
                asked.append(Deferred())
                yield asked[-1]
        finally:
            closed.append(True)

    return CommandRow("follow", lambda command: pieces())  # type: ignore[return-value, arg-type]


def test_an_answer_that_waits_within_itself() -> None:
    """The next piece comes when it is there; input, also what came before, ends the answer and is not obeyed."""
    asked: list[Deferred[None]] = []
    closed: list[bool] = []
    resumed: list[bool] = []
    talk = Talk(None, CommandTable((followed(asked, closed), CommandRow("echo", echo))))  # type: ignore[arg-type]
    conversation = Conversation(talk, lambda: resumed.append(True))
    talk.prompting = True
    assert conversation.feed(b"follow\n") == b"more\n"
    assert not conversation.waits
    asked[-1].callback(None)
    assert (conversation.more(), resumed) == (b"more\n", [True])
    assert conversation.feed(b"echo a\n") == b"\n> "
    assert closed == [True]
    assert conversation.feed(b"echo b\n") == b"('b',) ''\n\n> "
    assert conversation.feed(b"follow;echo c\n") == b"more\n\n> "
    assert conversation.feed(b"follow\n") == b"more\n"
    conversation.close()
    assert (closed, len(resumed)) == ([True] * 3, 1)
