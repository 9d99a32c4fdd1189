"""What happened: counters, statistics columns, log records, syslog datagrams."""
