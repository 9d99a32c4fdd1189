"""What samples are compared with: patterns of ACLs and keys of maps, their files, their methods, and quick look-ups.

ACLs (tcproxy/rules) and the converters of maps (samples/maps.py) use it; of samples it knows only their kinds.
"""
