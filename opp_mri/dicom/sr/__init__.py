"""Structured reports and other annotations of lines on images: written and read."""
