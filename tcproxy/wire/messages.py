"""Messages as sessions and rules see them, whatever protocol they came in: a start line's facts, and headers.

Names of headers are in lower case everywhere. How a message is read, framed and written is told by its protocol
(wire/http1), whose heads are subclasses of these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

from tcproxy.wire.templates import Template

Change = Callable[[bytes, bytes], bytes | None]
"""Takes a header's name and value; returns its new value, None when the header goes."""


class Field:
    """One header: its lower-case name, and its value without spaces around it. Never changed."""

    __slots__ = ("name", "value")

    def __init__(self, name: bytes, value: bytes) -> None:
        """`name` in lower case."""
        self.name = name
        self.value = value

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.value!r})"


class Head:
    """The headers of a message, in their order, with what is asked of them and done to them.

    A head of a known template has values only, and its edits stay so: looking up, adding, replacing and removing a
    header costs some tenths of a microsecond, however many headers there are. Any other head has a list of headers,
    which an edit replaces by a new one: heads that are alike may share a list.

    received: bytes of the head as HAProxy counts them in its logs and statistics; 0 for a head made here. It is fixed
    once the head is read, so that no edit changes it.
    """

    __slots__ = ("_fields", "keep_alive", "length", "parts", "received", "template", "version")

    field_type: ClassVar[type[Field]] = Field
    """What a protocol's headers are."""

    keep_alive: bool
    """Whether the connection that the message came from may carry another one after it."""
    length: int
    """Bytes of the body as the headers tell, -1 when they do not."""
    received: int
    template: Template | None
    """None for a head that has a list of headers."""
    parts: tuple[bytes, ...]
    """The values of a head with a template, behind two of its start line."""
    version: bytes
    """The protocol's name and version, as a start line has them."""
    _fields: Sequence[Field] | None

    @property
    def has_body(self) -> bool:
        """Return whether a body follows the head, of whatever length; an empty one is none."""
        raise NotImplementedError

    @property
    def fields(self) -> Sequence[Field]:
        """All headers; ask for them only where all of them count. A list of them is never edited in place."""
        fields = self._fields
        return self._listed() if fields is None else fields

    def _listed(self) -> Sequence[Field]:
        """Make the list of headers of a head with a template, and keep it until the next edit."""
        assert self.template is not None
        make = self.field_type
        values = self.parts[2:]
        fields = self._fields = [make(name, value) for name, value in zip(self.template.names, values, strict=True)]
        return fields

    @property
    def names(self) -> Sequence[bytes]:
        """The names of all headers, in their order."""
        return self.template.names if self.template is not None else [field.name for field in self.fields]

    @property
    def size(self) -> int:
        """How many headers there are."""
        return len(self.parts) - 2 if self.template is not None else len(self.fields)

    # looking up

    def has(self, name: bytes) -> bool:
        """Return whether there is a header of this name."""
        if self.template is not None:
            return name in self.template.places
        return any(field.name == name for field in self.fields)

    def value(self, name: bytes) -> bytes | None:
        """Return the value of the first header of this name, None without one."""
        if self.template is not None:
            places = self.template.places.get(name)
            return self.parts[places[0]] if places is not None else None
        for field in self.fields:
            if field.name == name:
                return field.value
        return None

    def last(self, name: bytes) -> bytes | None:
        """Return the value of the last header of this name, None without one."""
        if self.template is not None:
            places = self.template.places.get(name)
            return self.parts[places[-1]] if places is not None else None
        for field in reversed(self.fields):
            if field.name == name:
                return field.value
        return None

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all headers of this name."""
        if self.template is not None:
            return [self.parts[at] for at in self.template.places.get(name, ())]
        return [field.value for field in self.fields if field.name == name]

    # editing

    def add(self, name: bytes, value: bytes) -> None:
        """Add a header behind all others."""
        template = self.template
        if template is not None:
            self.template = template.adding(name)
            self.parts = (*self.parts, value)
            self._fields = None
        else:
            self._fields = [*self.fields, self.field_type(name, value)]

    def set(self, name: bytes, value: bytes) -> None:
        """Remove all headers of this name, and add one behind all others."""
        template = self.template
        if template is None or name in template.places:
            self.remove(name)
            self.add(name, value)
        else:
            self.template = template.adding(name)
            self.parts = (*self.parts, value)
            self._fields = None

    def remove(self, name: bytes) -> bool:
        """Remove all headers of this name; say whether there were any."""
        if self.template is not None:
            places = self.template.places.get(name, ())
            self._drop(self.template, places)
            return bool(places)
        kept = [field for field in self.fields if field.name != name]
        removed = len(kept) < len(self.fields)
        self._fields = kept
        return removed

    def remove_all(self, goes: Callable[[bytes], object]) -> bool:
        """Remove all headers of whose names `goes` says true; say whether there were any."""
        if self.template is not None:
            places = tuple([at for at, name in enumerate(self.template.names, 2) if goes(name)])
            self._drop(self.template, places)
            return bool(places)
        kept = [field for field in self.fields if not goes(field.name)]
        removed = len(kept) < len(self.fields)
        self._fields = kept
        return removed

    def replace(self, names: Collection[bytes], change: Change) -> None:
        """Give each header of these names, in the order of the headers, the value that `change` returns.

        names: each of them once.
        """
        if self.template is None:
            self._fields = self._changed(names, change)
            return
        template = self.template
        places = [at for name in names for at in template.places.get(name, ())]
        if not places:
            return
        places.sort()
        parts = list(self.parts)
        gone = []
        for at in places:
            value = change(template.names[at - 2], parts[at])
            if value is None:
                gone.append(at)
            else:
                parts[at] = value
        self.parts = tuple(parts)
        self._fields = None
        self._drop(template, tuple(gone))

    def change(self, name: bytes, value: bytes | None) -> None:
        """Give the first header of this name another value, None to remove it; there must be one."""
        template = self.template
        if template is None:
            fields = list(self.fields)
            at = next(at for at, field in enumerate(fields) if field.name == name)
            fields[at : at + 1] = [] if value is None else [self.field_type(name, value)]
            self._fields = fields
            return
        place = template.places[name][0]
        if value is None:
            self._drop(template, (place,))
            return
        parts = self.parts
        self.parts = (*parts[:place], value, *parts[place + 1 :])
        self._fields = None

    def _drop(self, template: Template, places: tuple[int, ...]) -> None:
        """Remove the headers whose values have these indices in `parts`."""
        if not places:
            return
        self.template = template.without(places)
        parts = self.parts
        if len(places) == 1:
            self.parts = parts[: places[0]] + parts[places[0] + 1 :]
        else:
            self.parts = tuple([value for at, value in enumerate(parts) if at not in places])
        self._fields = None

    def _changed(self, names: Collection[bytes], change: Change) -> list[Field]:
        """Return the list of headers with those of these names changed."""
        fields: list[Field] = []
        for field in self.fields:
            if field.name not in names:
                fields.append(field)
                continue
            value = change(field.name, field.value)
            if value is not None:
                fields.append(field if value == field.value else self.field_type(field.name, value))
        return fields


class RequestHead(Head):
    """What a client asks for. method and target may be set: they are what is forwarded.

    authority: the host, perhaps with a port, that the request is for; None where it tells none.
    """

    __slots__ = ("authority", "method", "target")

    authority: bytes | None
    method: bytes
    target: bytes

    @property
    def scheme(self) -> bytes:
        """The scheme in lower case that a target in absolute form begins with; `http` of any other target."""
        scheme, found, _ = self.target.partition(b"://")
        return scheme.lower() if found and not self.target.startswith(b"/") else b"http"

    @property
    def path(self) -> bytes:
        """The target from its path on, with the query; `*` and authorities have none: empty."""
        if self.target.startswith(b"/"):
            return self.target
        _, found, rest = self.target.partition(b"://")
        slash = rest.find(b"/") if found else -1
        return rest[slash:] if slash >= 0 else b""

    def set_line(self, method: bytes, target: bytes) -> None:
        """Set the method and the target that are forwarded."""
        self.method, self.target = method, target
        if self.template is not None:
            self.parts = (method, target, *self.parts[2:])

    @property
    def takes_interim(self) -> bool:
        """Return whether the client may be sent interim responses (1xx) before the one that counts."""
        raise NotImplementedError


class ResponseHead(Head):
    """What a server answers. status and reason may be set: they are what is forwarded."""

    __slots__ = ("reason", "status")

    reason: bytes
    status: int

    def set_line(self, status: int, reason: bytes) -> None:
        """Set the status and the reason that are forwarded."""
        self.status, self.reason = status, reason
        if self.template is not None:
            self.parts = (b"%d" % status, reason, *self.parts[2:])

    @property
    def interim(self) -> bool:
        """Return whether another response to the same request follows."""
        return self.status < 200 and self.status != 101

    @property
    def ends_by_close(self) -> bool:
        """Return whether the body ends where the server closes the connection: nothing else tells its end."""
        raise NotImplementedError

    def tunnels(self, request: RequestHead) -> bool:
        """Return whether the exchange becomes a tunnel behind this head: bytes go both ways until an end closes."""
        return self.status == 101 or (request.method == b"CONNECT" and 200 <= self.status < 300)

    def client_keeps(self, request: RequestHead) -> bool:
        """Return whether the client's connection may carry another request, as far as the messages decide."""
        raise NotImplementedError
