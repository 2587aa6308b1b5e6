"""How a store came to be what it is, a small named step a file."""
