"""What would happen to a request, and why: `tcproxy explain` and `tcproxy test`, with no socket and no server.

    memory.py      sockets that are two lists, and a loop whose clock is moved by hand
    watching.py    a configuration whose rules note what they do
    rehearsal.py   one request (or bytes) played through the real sessions
    asking.py      a request as the command line or a file of cases describes it
    telling.py     what came of it, as text and as JSON
    cases.py       tables of requests and what is expected of them
    programs.py    the two programs
"""
