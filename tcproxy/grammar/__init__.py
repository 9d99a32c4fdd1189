"""Text of a configuration: lines, environment, predicates, units, addresses, diagnostics, keyword rows."""
