"""The reading room: presenter and words, without Qt."""
