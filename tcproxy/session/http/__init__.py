"""HTTP sessions: one client connection (or, later, one HTTP/2 stream) and the exchanges it carries, one after another.

    settings.py   what the words of a section mean for exchanges
    ends.py       the messages that the two ends and the session pass to each other
    session.py    the exchange: what each message leads to; endings.py: what each end does; silence.py: each timeout
    rules.py      what is done to requests and responses on their way, in order
    ways.py       what holds for all requests of one frontend to one backend
    cookies.py    the persistence cookie in requests and responses; cacheable.py: what a cache could keep
    steps.py      the way of a request to a server
    reuse.py      what sessions do with idle links (servers/links.py); private.py: those that belong to one client
    observing.py  answers as a check of their server's health
    retries.py    requests that are sent again because of how a server answered
    answers.py    the built-in pages that tell a client why there is no other answer
    pages.py      answers of a section's own, and how any is sent
    redirects.py  answers that send clients elsewhere
    monitor.py    answers to monitoring systems
    telling.py    counters and log lines of an exchange
"""
