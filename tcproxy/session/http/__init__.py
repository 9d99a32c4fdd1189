"""HTTP: one client's connection (or, later, one of HTTP/2), and the exchanges that it carries, one after another.

What sections say, and what is remembered:

    messages.py        ClientEnd, ServerEnd and Sink: the two ends in messages, and what they tell
    settings.py        HttpSettings of a frontend; Route: of a frontend to a backend
    state.py           ClientConnection and Exchange: their fields, and the methods that lower files call

The connection and the exchange:

    connection.py      HttpConnection: what the client's end tells, waits between requests, the end of the connection
    exchange.py        HttpExchange: what the link's end tells, and how an exchange ends
    client_events.py   what the end or the failure of the client's connection means for the exchange
    link_events.py     what the end or the failure of the link means for it
    timeouts.py        what is due when, and what a timeout leads to
    fast.py            the fast path: the general way with its calls written out
    tunnel.py          Tunnel: the relay of a connection that left HTTP (101, CONNECT)
    upgrade.py         UpgradedConnection: a client that came in TCP mode
    assembly.py        HttpFrontend: settings, routes and steps made of sections

What is done to requests and responses, by options and words:

    rule_table.py      the one table of it, in order
    requests.py        `http-request` rules
    request_body.py    requests that wait for their body; response_body.py: responses that do
    refusals.py        `http-request deny` and `tarpit`
    redirects.py       `redirect` rules, and servers with `redir`
    monitor.py         `monitor-uri`
    header_names.py    `option http-restrict-req-hdr-names`
    forwarded.py       `option forwardfor` and `originalto`
    unique_id.py       `unique-id-format` and `unique-id-header`
    cookies.py         the persistence cookie
    cacheable.py       what a cache could keep; checkcache.py: `option checkcache`
    captures.py        headers and cookies that are kept for log lines

Servers, links and answers:

    deliver.py         the last step: a request is sent to its server
    reuse.py           links whose exchange is over; private.py: those that belong to one client
    retries.py         requests that are sent again (`retry-on`)
    observing.py       answers as a check of their server (`observe layer7`)
    inner.py           InnerServer: a server inside the process
    answers.py         the built-in pages; pages.py: those of a section, and how any of them is sent

Counters and lines:

    accounting.py      what an exchange leaves in the counters
    log_lines.py       when its log line is written
    line_functions.py  the functions that make lines; line_facts.py: what a line may name
"""
