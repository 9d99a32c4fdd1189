"""The configured world: frozen dataclasses, one a section."""
