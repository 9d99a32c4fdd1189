"""HTTP/1 on sockets: the end of a client's connection, and the end of a link.

    ends.py      the base of both: bodies from one to the other, and gathered writes
    client.py    a client's connection: requests in, responses out
    server.py    a link to a server: requests out, responses in
    adjusted.py  both again, for proxies that write heads in another form
"""
