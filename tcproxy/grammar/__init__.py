"""Text of a configuration: lines, quoting, environment, predicates, units, addresses, diagnostics, keyword rows."""
