"""Tables read from files: each column is declared and checked once."""
