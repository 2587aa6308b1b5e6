"""Measurements exchanged with other programs: reports out, and lines of other programs in."""
