"""Commands that HAProxy 2.6 knows and tcproxy does not yet: each answers by name."""

from __future__ import annotations

from tcproxy.control.command_rows import CommandPlace, Level, refused

_CERTIFICATES = """
    abort ssl ca-file
    abort ssl cert
    abort ssl crl-file
    add ssl crt-list
    commit ssl ca-file
    commit ssl cert
    commit ssl crl-file
    del ssl ca-file
    del ssl cert
    del ssl crl-file
    del ssl crt-list
    new ssl ca-file
    new ssl cert
    new ssl crl-file
    set ssl ca-file
    set ssl cert
    set ssl crl-file
    show ssl crt-list
"""
_OTHERS_OF_TLS = """
    set ssl ocsp-response
    set ssl tls-key
    show ssl ca-file
    show ssl cert
    show ssl crl-file
    show ssl ocsp-response
    show ssl providers
    show tls-keys
"""
_TABLES = """
    clear table
    set table
    show table
"""
_INSIDE = """
    show peers
    show resolvers
    show trace
    trace
    _getsocks
"""
_DEBUGGING = """
    debug dev bug
    debug dev check
    debug dev close
    debug dev delay
    debug dev exit
    debug dev fd
    debug dev hex
    debug dev log
    debug dev loop
    debug dev panic
    debug dev sched
    debug dev stream
    debug dev sym
    debug dev tkill
    debug dev warn
    debug dev write
    httpclient
"""
_MASTER = """
    @!<pid>
    @<relative pid>
    @master
    mcli-debug-mode
    reload
    show proc
"""

COMMANDS = (
    *refused(_CERTIFICATES, Level.ADMIN),
    *refused(_OTHERS_OF_TLS),
    *refused(_TABLES),
    *refused("set profiling\nshow cache\nshow profiling", Level.ADMIN),
    *refused(_INSIDE),
    *refused(_DEBUGGING, Level.ADMIN, expert=True),
    *refused(_MASTER, Level.ADMIN, CommandPlace.MASTER),
)
