"""Sections `userlist`: users with their passwords, and groups of them (manual 3.4)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tcproxy.grammar.rows import Draft, Reading, Row, Where
from tcproxy.grammar.sections import NAME_CHARACTERS, Section, SectionRow
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement
from tcproxy.grammar.suggestions import near
from tcproxy.model import passwords

OF_LISTS = frozenset({Where.USERLIST})


@dataclass(frozen=True, slots=True)
class User:
    """One user. password: None for one who cannot log in. hashed: the password is a hash of crypt(3).

    groups: those that the user's own line names.
    """

    name: str
    password: bytes | None = None
    hashed: bool = False
    groups: tuple[str, ...] = ()
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Group:
    """One group. users: those that its own line names."""

    name: str
    users: tuple[str, ...] = ()
    origin: Origin = NOWHERE


class UserList:
    """The users and groups of one section.

    To check a hash takes milliseconds, and clients send their password with each request: the last right password of
    each user is remembered, as a keyed hash whose key never leaves the process.
    """

    __slots__ = ("_groups", "_key", "_users", "_verified", "groups", "name")

    def __init__(self, name: str, users: Sequence[User], groups: Sequence[Group]) -> None:
        """Each user names groups that are there, each group users."""
        self.name = name
        self.groups = frozenset(group.name for group in groups)
        self._users = {_encoded(user.name): user for user in users}
        self._groups = {key: _groups_of(user, groups) for key, user in self._users.items()}
        self._key = secrets.token_bytes(32)
        self._verified: dict[bytes, bytes] = {}

    def admits(self, name: bytes, password: bytes) -> bool:
        """Return whether this is a user's name and password."""
        user = self._users.get(name)
        if user is None or user.password is None:
            return False
        if not user.hashed:
            return hmac.compare_digest(user.password, password)
        mark = hashlib.blake2b(password, key=self._key).digest()
        if hmac.compare_digest(self._verified.get(name, b""), mark):
            return True
        if not passwords.fits(password, user.password):
            return False
        self._verified[name] = mark
        return True

    def groups_of(self, name: bytes) -> Sequence[bytes]:
        """Return the names of the groups that a user belongs to."""
        return self._groups.get(name, ())


def _groups_of(user: User, groups: Sequence[Group]) -> tuple[bytes, ...]:
    return tuple(
        _encoded(group.name) for group in groups if group.name in user.groups or user.name in group.users
    )


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# reading


def parse_user(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `user NAME [password HASH | insecure-password TEXT] [groups GROUP,...]`: of each kind the last holds."""
    user = User(_name(statement), origin=statement.origin)
    if _is_double(user, draft.get("users", ()), statement, reading):
        return
    draft.append("users", User(user.name))  # it is there even if the rest of its line is wrong
    words = statement.words
    plain = False
    for at in range(2, len(words), 2):
        value = words[at + 1] if at + 1 < len(words) else ""
        if words[at] in ("password", "insecure-password"):
            plain = plain or words[at] == "insecure-password"
            user = replace(user, password=_encoded(value), hashed=not plain)
        elif words[at] == "groups":
            user = replace(user, groups=_listed(value))
        else:
            raise Refused(f"'user' supports 'password', 'insecure-password' and 'groups', and not '{words[at]}'", at)
    _check_password(user, statement, reading)
    draft["users"] = (*draft["users"][:-1], user)


def _check_password(user: User, statement: Statement, reading: Reading) -> None:
    """Refuse a hash of a scheme that libcrypt lacks; warn of a user who can never log in."""
    if user.password is None:
        reading.warn(statement, f"the user '{user.name}' has no password, and can never log in")
    elif user.hashed:
        at = statement.words.index("password", 2) + 1
        try:
            known = passwords.is_known(user.password)
        except ValueError as error:
            raise Refused(f"'password' : {error}", at) from None
        if not known and user.password.startswith(b"$"):
            raise Refused(f"the password of '{user.name}' is no hash of a scheme that libcrypt of this machine has", at)
        if not known:
            reading.warn(statement, f"the password of '{user.name}' is no hash: the user can never log in", at)


def parse_group(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `group NAME [users USER,...]`: the last `users` holds."""
    group = Group(_name(statement), origin=statement.origin)
    wrong = next((letter for letter in group.name if letter not in NAME_CHARACTERS), "")
    if wrong:
        raise Refused(f"the character '{wrong}' cannot stand in the group name '{group.name}'", 1)
    if _is_double(group, draft.get("groups", ()), statement, reading):
        return
    draft.append("groups", group)
    words = statement.words
    for at in range(2, len(words), 2):
        if words[at] != "users":
            raise Refused(f"'group' supports 'users', and not '{words[at]}'", at)
        group = replace(group, users=_listed(words[at + 1] if at + 1 < len(words) else ""))
    draft["groups"] = (*draft["groups"][:-1], group)


def _name(statement: Statement) -> str:
    words = statement.words
    if len(words) < 2:
        raise Refused(f"'{words[0]}' needs a name behind it", 0)
    return words[1]


def _is_double(one: User | Group, known: Sequence[User | Group], statement: Statement, reading: Reading) -> bool:
    first = next((other for other in known if other.name == one.name), None)
    if first is not None:
        reading.warn(
            statement, f"the {statement.words[0]} '{one.name}' stands at {first.origin} already: this line is ignored"
        )
    return first is not None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def finish(drafts: Mapping[str, Draft], reading: Reading) -> dict[str, UserList]:
    """Return the lists by name; tell of users and groups that are named and not there."""
    return {name: _finished(name, draft, reading) for name, draft in drafts.items()}


def _finished(name: str, draft: Draft, reading: Reading) -> UserList:
    users: Sequence[User] = draft.get("users", ())
    groups: Sequence[Group] = draft.get("groups", ())
    names = [group.name for group in groups]
    for user in users if not draft.lacks("group") else ():
        _check_names("group", user.groups, names, f"the user '{user.name}'", user.origin, reading)
    names = [user.name for user in users]
    for group in groups if not draft.lacks("user") else ():
        _check_names("user", group.users, names, f"the group '{group.name}'", group.origin, reading)
    return UserList(name, users, groups)


def _check_names(
    what: str, named: Sequence[str], there: Sequence[str], who: str, origin: Origin, reading: Reading
) -> None:
    for name in named:
        if name not in there:
            reading.diagnostics.alert(f"parsing [{origin}] : {who} names the {what} '{name}', {_missing(name, there)}")


def _missing(name: str, there: Sequence[str]) -> str:
    return f"which the userlist does not have{near(name, there)}"


def _joins(other: Section, last: Section) -> str:
    return (
        f"there is a userlist '{other.name}' at {other.origin} already: these lines are added to the userlist "
        f"'{last.name}' at {last.origin}, which is the last one"
    )


SECTION = SectionRow("userlist", Where.USERLIST, "a 'userlist'", finish, alone=True, joins=_joins)

WORDS = (
    Row("user", OF_LISTS, "Declare a user with a password.", parse=parse_user, manual="3.4", core=True),
    Row("group", OF_LISTS, "Declare a group of users.", parse=parse_group, manual="3.4", core=True),
)
