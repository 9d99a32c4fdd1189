"""The only rooms on the data path that touch Twisted and sockets: reactor, listeners, server links, relay."""
