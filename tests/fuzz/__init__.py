"""Fuzzing of HTTP/1: what must hold for any bytes from a client or a server.

    targets.py    functions of bytes, which raise when a property does not hold
    seeds.py      what to begin with: the corpus, in the form of each target
    mutation.py   changes at random, for where there is no coverage-guided fuzzer
    __main__.py   python -m tests.fuzz TARGET [SECONDS]: with atheris where it is installed (pip install tcproxy[fuzz])
"""
