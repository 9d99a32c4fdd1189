"""The conversation of a command socket: bytes in, bytes out, no network (management 9.3).

A line holds commands, with `;` between them; each answer ends with an empty line. Without `prompt` the
conversation is over after the first lines that come together; with it, it goes on until `quit`. A line that ends
with `<<` takes the lines behind it, up to an empty one, as the payload of its last command. A backslash takes
the meaning of the next character away.
"""

from __future__ import annotations

from tcproxy.control.command_rows import CommandError, CommandLine, CommandStatus, Message, Talk

LONGEST = 16384
"""Bytes of a line, or of a payload, at the most: beyond, the conversation is closed, as by the reference."""
PAYLOAD = "<<"
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")


def split_commands(line: str) -> list[str]:
    """Return the commands of a line, with their backslashes."""
    commands, begin, position = [], 0, 0
    while position < len(line):
        if line[position] == "\\":
            position += 1
        elif line[position] == ";":
            commands.append(line[begin:position])
            begin = position + 1
        position += 1
    commands.append(line[begin:])
    return commands


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


class Conversation:
    """One client of a command socket. `feed` it what came; `talk.ended` says when to close."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self._buffer = b""
        self._waiting: list[str] | None = None
        self._payload: list[str] = []

    def feed(self, data: bytes) -> bytes:
        """Take bytes in, obey the commands that are complete, and return what to answer."""
        self._buffer += data
        answers: list[str] = []
        heard, line = False, b""
        while not self.talk.ended and b"\n" in self._buffer:
            line, self._buffer = self._buffer.split(b"\n", 1)
            if len(line) > LONGEST:
                break
            heard = True
            answers.append(self._line(line.decode("utf-8", "surrogateescape").rstrip("\r")))
        if heard and not self.talk.prompting and self._waiting is None:
            self.talk.ended = True
        if max(len(self._buffer), len(line)) + sum(map(len, self._payload)) > LONGEST:
            self.talk.ended = True
        return "".join(answers).encode("utf-8", "surrogateescape")

    def _line(self, line: str) -> str:
        if self._waiting is not None:
            return self._payload_line(line)
        answers = []
        commands = split_commands(line)
        words = split_words(commands[-1])
        asks_payload = len(words) > 1 and words[-1] == PAYLOAD
        for command in commands[: len(commands) - asks_payload]:
            if self.talk.ended:
                break
            answers.append(self._obey(split_words(command)))
        if asks_payload and not self.talk.ended:
            self._waiting, self._payload = words[:-1], []
            answers.append("+ " * self.talk.prompting)
        return "".join(answers)

    def _payload_line(self, line: str) -> str:
        if line:
            self._payload.append(line)
            return "+ " * self.talk.prompting
        words, self._waiting = self._waiting or [], None
        payload, self._payload = "\n".join(self._payload), []
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
            return self.talk.table.unknown(words)
        if command.level > self.talk.level:
            raise CommandError("Permission denied")
        if command.status is CommandStatus.REFUSED or command.run is None:
            raise CommandError(f"'{command.name}' is {CommandStatus.REFUSED.value}.")
        answer = command.run(CommandLine(self.talk, tuple(words[len(command.words) :]), payload))
        return answer if isinstance(answer, str) else self._said(answer)

    def _said(self, message: Message) -> str:
        """Return a message as a line, with its severity in front where that is wanted."""
        severity = {
            "number": f"[{message.severity}]: ",
            "string": f"[{LEVELS[message.severity]}]: ",
        }.get(self.talk.severity, "")
        return f"{severity}{message.text.rstrip()}\n"
