"""Choose a server: one strategy a file, and the hashing they share."""
