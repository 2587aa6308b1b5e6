"""Contours: drawn on panes with mouse and keys, and how they are shown."""
