"""HTTP/1 on sockets: the two ends of an HTTP session.

    ends.py      what both have in common: bodies from one to the other, and what is written
    client.py    a client's connection: requests in, responses out
    server.py    a link to a server: requests out, responses in
"""
