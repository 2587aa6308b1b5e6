"""What several commands share: options, click types, output and streams."""
