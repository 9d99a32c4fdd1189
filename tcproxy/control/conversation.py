"""The conversation of a command socket: bytes in, bytes out, no network (management 9.3).

A command ends with `;` or a line end, and is obeyed as soon as that has come; each answer ends with an empty line.
Without `prompt` the conversation is over when all that came is answered and no beginning of a further command
is left; with it, it goes on until `quit`. A command that ends with `<<` takes the lines behind it, up to an empty
one, as its payload. A backslash takes the meaning of the next character away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tcproxy.control.command_rows import Answer, CommandError, CommandLine, CommandStatus, Later, Message, Talk

LONGEST = 16384
"""A conversation whose command, with its payload, has so many bytes is closed, as by HAProxy with `prompt`."""
PIECE = 65536
"""Characters of answers that are gathered at once."""
PAYLOAD = b"<<"
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")

_COMMAND = re.compile(rb"((?:[^\\;\n]|\\.)*+)[;\n]", re.DOTALL)
_LINE = re.compile(rb"([^\n]*+)\n")


def split_words(command: str) -> list[str]:
    """Return the words of a command, without the backslashes that protected a character."""
    words: list[str] = []
    word: str | None = None
    characters = iter(command)
    for character in characters:
        if character in " \t":
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + (next(characters, "\\") if character == "\\" else character)
    return words if word is None else [*words, word]


def _text(data: bytes) -> str:
    """Return bytes as text, without the carriage return at the end; HAProxy reads a command up to its first NUL."""
    return data.partition(b"\0")[0].removesuffix(b"\r").decode("utf-8", "surrogateescape")


class Conversation:
    """One client of a command socket. `take` what came, and ask for `more` to send; `talk.ended` says when to close.

    An answer may be an iterator of pieces, of which `more` takes as many as are wanted, or a Deferred: the commands
    behind it wait, and nobody else does; `resumed` is called when it has fired.
    """

    def __init__(self, talk: Talk, resumed: Callable[[], None] = lambda: None) -> None:
        self.talk = talk
        self._resumed = resumed
        self._buffer = b""
        self._position = 0
        self._obeyed = False
        self._waiting: list[str] | None = None
        self._payload: list[str] = []
        self._size = 0
        self._stream: Iterator[Any] | None = None
        self._deferred: Any = None
        self._attentive = False

    @property
    def unfinished(self) -> bool:
        """Return whether a command or its payload has begun to come, and is not whole yet."""
        return len(self._buffer) > self._position or self._waiting is not None

    @property
    def waits(self) -> bool:
        """Return whether a command is being obeyed that has not answered yet, and that input does not end."""
        return self._deferred is not None and not self._attentive

    def take(self, data: bytes) -> None:
        """Take bytes in. They end an answer that waits for its next piece, and are forgotten."""
        if self._attentive:
            self._interrupt()
        else:
            self._buffer += data

    def feed(self, data: bytes) -> bytes:
        """Take bytes in, and return all answers to the commands that are complete."""
        self.take(data)
        answers = []
        while piece := self.more():
            answers.append(piece)
        return b"".join(answers)

    def more(self, enough: Callable[[], bool] = lambda: False) -> bytes:
        """Obey commands that are complete, and return what to answer, some 64 KiB at a time; b"" for nothing.

        enough: says whether other work is waiting, so that no more is made now.
        """
        pieces: list[str] = []
        size = 0
        while piece := self._step():
            pieces.append(piece)
            size += len(piece)
            if size >= PIECE or enough():
                break
        self._buffer, self._position = self._buffer[self._position :], 0
        return "".join(pieces).encode("utf-8", "surrogateescape")

    def close(self) -> None:
        """The client is gone: let go of what is being obeyed."""
        stream, deferred = self._stream, self._deferred
        self._stream = self._deferred = None
        self._attentive = False
        self.talk.ended = True
        if stream is not None and hasattr(stream, "close"):
            stream.close()
        if deferred is not None:
            deferred.cancel()

    def _step(self) -> str:
        """Return the next piece of the answers, "" while there is none."""
        while self._deferred is None:
            if self._stream is not None:
                return self._streamed() or ("" if self._attentive else self._over())
            if self.talk.ended:
                return ""
            found = self._next(self._position)
            if found is None:
                if self._obeyed and not self.unfinished and not self.talk.prompting:
                    self.talk.ended = True
                return ""
            self._position, self._obeyed = found.end(), True
            said = self._command(found[1]) if self._waiting is None else self._payload_line(_text(found[1]))
            if said:
                return said
        return ""

    def _streamed(self) -> str:
        """Return the next piece of an answer in pieces, "" at its end."""
        assert self._stream is not None
        try:
            for piece in self._stream:
                if not isinstance(piece, str):
                    self._listen(piece)
                    return ""
                if piece:
                    return piece
        except CommandError as error:
            return self._said(Message(str(error), error.severity))
        return ""

    def _listen(self, later: Later) -> None:
        """Wait for the next piece of an answer, and for input that ends it."""
        self._deferred, self._attentive = later, True
        later.addBoth(self._woken)
        if self.unfinished:
            self._buffer, self._position = b"", 0
            self._interrupt()

    def _woken(self, result: Any) -> None:
        """Ask for the next piece of an answer."""
        if self._attentive:
            self._deferred, self._attentive = None, False
            self._resumed()

    def _interrupt(self) -> None:
        """End an answer that waits for its next piece."""
        stream, deferred = self._stream, self._deferred
        self._stream, self._deferred, self._attentive = iter(()), None, False
        if stream is not None and hasattr(stream, "close"):
            stream.close()
        deferred.cancel()

    def _over(self) -> str:
        """End an answer in pieces: return its empty line, and the prompt."""
        self._stream = None
        return f"\n{'> ' * self.talk.prompting}"

    def _next(self, position: int) -> re.Match[bytes] | None:
        """Return the next whole command or line of a payload; end the conversation where it is too long."""
        found = (_COMMAND if self._waiting is None else _LINE).match(self._buffer, position)
        length = len(found[1]) if found is not None else len(self._buffer) - position
        if self._size + length >= LONGEST:
            self.talk.ended = True
            return None
        return found

    def _command(self, command: bytes) -> str:
        """Answer one command, or begin to wait for its payload."""
        words = split_words(_text(command))
        if not command.removesuffix(b"\r").endswith(PAYLOAD):
            return self._obey(words)
        self._waiting = words[:-1] if words[-1:] == [PAYLOAD.decode()] else words
        self._payload, self._size = [], len(command)
        return "+ " * self.talk.prompting

    def _payload_line(self, line: str) -> str:
        """Take one line of a payload; the empty one ends it."""
        if line:
            self._payload.append(line)
            self._size += len(line) + 1
            return "+ " * self.talk.prompting
        words, self._waiting = self._waiting or [], None
        payload, self._payload, self._size = "\n".join(self._payload), [], 0
        return self._obey(words, payload)

    def _obey(self, words: list[str], payload: str = "") -> str:
        """Return the answer to one command, its empty line and the prompt included."""
        try:
            answer = self._run(words, payload)
        except CommandError as error:
            answer = self._said(Message(str(error), error.severity))
        if answer is None:
            return ""
        if self.talk.ended and not answer and words[:1] == ["quit"]:
            return ""
        return f"{answer}\n{'> ' * self.talk.prompting}"

    def _run(self, words: list[str], payload: str) -> str | None:
        """Obey a command; return its answer, None for one that comes in pieces, or later."""
        command = self.talk.table.find(words)
        if command is None:
            return self._said(Message(self.talk.table.unknown(words)))
        if command.experimental and not self.talk.experimental:
            raise CommandError("This command is restricted to experimental mode only.")
        if command.level > self.talk.level:
            raise CommandError("Permission denied")
        if command.status is CommandStatus.REFUSED or command.run is None:
            raise CommandError(f"'{command.name}' is {CommandStatus.REFUSED.value}.")
        answer = command.run(CommandLine(self.talk, tuple(words[len(command.words) :]), payload))
        return self._answer(answer)

    def _answer(self, answer: Answer) -> str | None:
        """Return an answer as text, None for one that comes in pieces, or later."""
        if isinstance(answer, str):
            return answer
        if isinstance(answer, Message):
            return self._said(answer)
        if isinstance(answer, Iterator):
            self._stream = answer
        else:
            self._deferred = answer
            answer.addBoth(self._fired)
        return None

    def _fired(self, result: Any) -> Any:
        """Take the answer that a command gives later, and go on."""
        if self._deferred is None:
            return None  # the client is gone
        self._deferred = None
        failed = getattr(result, "value", None) if hasattr(result, "getTraceback") else None
        if isinstance(failed, CommandError):
            result = Message(str(failed), failed.severity)
        elif failed is not None:
            self.talk.ended = True
            self._resumed()
            return result  # the Deferred's own logging tells of it
        said = self._answer(result)
        if said is not None:
            self._stream = iter((said,))
        self._resumed()
        return None

    def _said(self, message: Message) -> str:
        """Return a message as a line, with its severity before it if the client asked for that."""
        severity = {
            "number": f"[{message.severity}]: ",
            "string": f"[{LEVELS[message.severity]}]: ",
        }.get(self.talk.severity, "")
        return f"{severity}{message.text.rstrip()}\n"
