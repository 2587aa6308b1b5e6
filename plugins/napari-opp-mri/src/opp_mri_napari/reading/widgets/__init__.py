"""The window of the reading room."""
