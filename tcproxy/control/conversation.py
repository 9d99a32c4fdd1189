"""The conversation of a command socket: bytes in, bytes out, no network (management 9.3).

A command ends with `;` or a line end, and is obeyed as soon as that has come; each answer ends with an empty line.
Without `prompt` the conversation is over when all that came is answered and no beginning of a further command
is left; with it, it goes on until `quit`. A command that ends with `<<` takes the lines behind it, up to an empty
one, as its payload. A backslash takes the meaning of the next character away.
"""

from __future__ import annotations

import re

from tcproxy.control.command_rows import CommandError, CommandLine, CommandStatus, Message, Talk

LONGEST = 16384
"""A conversation whose command, with its payload, has so many bytes is closed, as by HAProxy with `prompt`."""
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
    """One client of a command socket. `feed` it what came; `talk.ended` says when to close."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self._buffer = b""
        self._waiting: list[str] | None = None
        self._payload: list[str] = []
        self._size = 0

    @property
    def unfinished(self) -> bool:
        """Return whether a command or its payload has begun to come, and is not whole yet."""
        return bool(self._buffer) or self._waiting is not None

    def feed(self, data: bytes) -> bytes:
        """Take bytes in, obey the commands that are complete, and return what to answer."""
        self._buffer += data
        answers: list[str] = []
        position = 0
        while not self.talk.ended and (found := self._next(position)) is not None:
            position = found.end()
            answers.append(self._command(found[1]) if self._waiting is None else self._payload_line(_text(found[1])))
        self._buffer = self._buffer[position:]
        if position and not self.unfinished and not self.talk.prompting:
            self.talk.ended = True
        return "".join(answers).encode("utf-8", "surrogateescape")

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
        if self.talk.ended and not answer and words[:1] == ["quit"]:
            return ""
        return f"{answer}\n{'> ' * self.talk.prompting}"

    def _run(self, words: list[str], payload: str) -> str:
        command = self.talk.table.find(words)
        if command is None:
            return self._said(Message(self.talk.table.unknown(words)))
        if command.level > self.talk.level:
            raise CommandError("Permission denied")
        if command.status is CommandStatus.REFUSED or command.run is None:
            raise CommandError(f"'{command.name}' is {CommandStatus.REFUSED.value}.")
        answer = command.run(CommandLine(self.talk, tuple(words[len(command.words) :]), payload))
        return answer if isinstance(answer, str) else self._said(answer)

    def _said(self, message: Message) -> str:
        """Return a message as a line, with its severity before it if the client asked for that."""
        severity = {
            "number": f"[{message.severity}]: ",
            "string": f"[{LEVELS[message.severity]}]: ",
        }.get(self.talk.severity, "")
        return f"{severity}{message.text.rstrip()}\n"
