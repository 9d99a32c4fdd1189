"""One accepted connection from birth to log line; knows neither Twisted nor sockets."""
