"""The consensus room: presenter, words and window."""
