"""An action: requests need a key that a file knows. The file is read in a thread, and only this request waits for it.

Use it as `http-request check-key /etc/keys.txt unless { path /health }`. Each line of the file is a key and a user.
"""

from collections.abc import Sequence
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from tcproxy.interfaces import Answer, IAction, IMessage

REFUSED = Answer(401, b"This needs a key.\n", [("content-type", "text/plain"), ("www-authenticate", "Key")])


def user_of(key: bytes, file: Path) -> str | None:
    """Return the user that has a key, None for nobody."""
    for line in file.read_text().splitlines():
        known, _, user = line.partition(" ")
        if known.encode() == key:
            return user
    return None


@implementer(IAction)
class CheckKey:
    """The action."""

    name = "check-key"
    manual = "Refuse requests without a key that a file knows; tell the server whose key it is."
    kinds = ("http-request",)
    waits = True

    def parse(self, words: Sequence[str]) -> Path:
        """Read the file's name; what is wrong is told with the file and line of the configuration."""
        if len(words) != 1:
            raise ValueError("write the file of the keys")
        if not Path(words[0]).is_file():
            raise ValueError(f"there is no file {words[0]}")
        return Path(words[0])

    def act(self, message: IMessage, parsed: object) -> Answer | Deferred:
        """Look the key up."""
        key = message.header(b"x-api-key")
        if key is None:
            return REFUSED

        def found(user: str | None) -> Answer | None:
            if user is None:
                return REFUSED
            message.remove_header("x-api-key")
            message.set_header("x-user", user)
            message.set_variable("txn.user", user)
            return None

        return deferToThread(user_of, key, parsed).addCallback(found)


check_key = CheckKey()
