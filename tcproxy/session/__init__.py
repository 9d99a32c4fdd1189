"""One accepted connection, from the accept to its log line. Nothing here knows Twisted or sockets.

What sections say, and what a session remembers:

    stages.py       how far a session has come, and the letters that tell how it ended
    ends.py         End: one side of a session, in bytes; EndEvents: what it tells
    timers.py       many deadlines over one delayed call of the clock
    settings.py     what frontends and backends say, ready for use, with their counters; World: one running proxy
    state.py        Connection and Stream: their fields, and the methods that lower files call

What is done with it:

    persistence.py  what leads a stream to a server before balancing
    accounting.py   what a session leaves in the counters
    log_lines.py    the log line of a TCP session, and of a connection that is refused
    attempts.py     the way to a server: backend, assignment, queue, attempts to connect, retries, redispatch
    relay.py        Relay: two joined ends, half-closed connections, and timeouts of silence
    greeting.py     Greeting: the PROXY header in front of a client's bytes
    steps.py        Steps: an ordered table with marks, and its one runner
    session.py      TcpSession: a connection that is its own stream
    http/           HTTP: a connection, and its exchanges one after another
    frontend.py     a Frontend and a Backend, put together of their sections

Each file imports only files below it; the order of all of them stands in pyproject.toml.
"""
