"""Watch a server: tally, schedule, and one check conversation a file."""
