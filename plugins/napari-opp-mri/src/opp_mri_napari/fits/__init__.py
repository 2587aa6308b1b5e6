"""Review of fits: presenter, words and window."""
