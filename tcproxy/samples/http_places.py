"""Places where facts of HTTP messages may be taken (the letters are those of places.py)."""

from __future__ import annotations

OF_REQUESTS = "..YYYYYYYYY..........."
"""Facts of a request: until it is sent."""

OF_RESPONSES = "...........YYYYYYY.Y.."
"""Facts of a response, and of what a health check got."""

OF_EITHER = "..YYYYYYYYYYYYYYYY.Y.."
"""Facts of whichever message the place is about."""

OF_EXCHANGES = "..YYYYYYYYYYYYYYYYY..."
"""Facts of a request that are kept until its log line."""

AFTER_RESPONSES = "...........YYYYYYYYY.."
"""Facts of a response that are kept until the log line, and of what a health check got."""
