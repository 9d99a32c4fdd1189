"""The runtime command socket: one row a command, at the foot of the file that implements it."""
