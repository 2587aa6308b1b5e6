"""Two readers: how far they agree, and where they do not; pure."""
