"""Decide: patterns, ACLs and conditions."""
