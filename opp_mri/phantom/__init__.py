"""Synthetic serial spine MR with known truth: a test instrument and the tutorial's data."""
