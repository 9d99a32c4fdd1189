"""Paired measurements: HAProxy, nginx, stock Twisted and tcproxy under the same load, in alternating rounds.

What is printed is the proxy's CPU time a unit (a message, a connection, a gigabyte) as a ratio to HAProxy's in
the same round: the machines are noisy, and their absolute numbers say little. Run `python -m benchmarks --help`.
"""
