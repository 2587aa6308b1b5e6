"""What the reading room shows: patients, visits and the worklist."""
