"""A process life: daemon and pidfile, privileges, signals, hand-over to a successor."""
