"""Bytes to messages and back; pure functions and incremental parsers, no sockets."""
