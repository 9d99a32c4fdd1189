"""What a process gives up once its sockets are open: its root directory, groups and user, for good.

Configuration manual 3.1: `chroot`, `user`, `group`, `uid`, `gid`, `set-dumpable`, `insecure-setuid-wanted`.
The order is HAProxy's: chroot, supplementary groups, group, user. Log sockets are opened later, with the first line, so
their paths are inside the new root directory.
"""

from __future__ import annotations

import ctypes
import grp
import importlib
import os
import pwd
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.model.process import Global

PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
_LAZY = ("encodings.idna", "encodings.unicode_escape", "linecache", "stringprep", "traceback", "zoneinfo")
"""Modules that Python loads when it first needs them, which it cannot do from inside an empty directory."""


class Privileged(Exception):
    """The system refused a change of user, group or root directory; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user and the group to become. -1: no change."""

    uid: int = -1
    gid: int = -1


def identity(settings: Global) -> Identity:
    """Return the user and group of the global section. `uid` and `gid` win over `user` and `group`.

    Raises Privileged for a name that the system does not know.
    """
    uid, gid = settings.uid, settings.gid
    try:
        if uid < 0 and settings.user:
            uid = pwd.getpwnam(settings.user).pw_uid
    except KeyError:
        raise Privileged(f"there is no user '{settings.user}'") from None
    try:
        if gid < 0 and settings.group:
            gid = grp.getgrnam(settings.group).gr_gid
    except KeyError:
        raise Privileged(f"there is no group '{settings.group}'") from None
    return Identity(uid, gid)


def check(settings: Global) -> None:
    """Look for the user, the group and the root directory that `drop` needs. Raises Privileged if one is missing."""
    identity(settings)
    if settings.chroot and not Path(settings.chroot).is_dir():
        raise Privileged(f"cannot chroot to {settings.chroot}: there is no such directory")


def drop(settings: Global, diagnostics: Diagnostics) -> None:
    """Enter the root directory and become the user and group of the global section. Raises Privileged."""
    wanted = identity(settings)
    if settings.chroot:
        _enter(settings.chroot)
    if wanted.gid >= 0:
        _become_group(wanted, diagnostics)
    if wanted.uid > 0:
        try:
            os.setuid(wanted.uid)
        except OSError as wrong:
            raise Privileged(f"cannot set the user to {wanted.uid}: {wrong.strerror}") from None


def _enter(directory: str) -> None:
    time.localtime()  # reads the zone's file, which the new root directory may lack
    for name in _LAZY:
        importlib.import_module(name)
    try:
        os.chroot(directory)
        os.chdir("/")
    except OSError as wrong:
        raise Privileged(f"cannot chroot to {directory}: {wrong.strerror}") from None


def _become_group(wanted: Identity, diagnostics: Diagnostics) -> None:
    if os.getgroups():
        try:
            os.setgroups([])
        except OSError:
            diagnostics.warning(
                "[tcproxy.main()] supplementary groups stay: to drop them needs root",
                about="",
            )
    try:
        os.setgid(wanted.gid)
    except OSError as wrong:
        raise Privileged(f"cannot set the group to {wanted.gid}: {wrong.strerror}") from None


def protect(settings: Global) -> None:
    """Forbid new privileges for ever (PR_SET_NO_NEW_PRIVS), and allow core files if `set-dumpable` asks for them.

    A refusal of the system is ignored, since the process can serve without either.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if settings.set_dumpable:
        for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
            _lift(limit)
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    if not settings.insecure_setuid_wanted:
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _lift(limit: int) -> None:
    try:
        resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError):
        pass
