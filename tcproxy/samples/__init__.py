"""Fetches and expressions: facts about a session, by name."""
