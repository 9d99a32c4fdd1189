"""A process's life: its command line, limits, privileges, daemon and pidfile, hand-over, signals and end."""
