"""The response rules: pure functions of a timeline and criteria."""
