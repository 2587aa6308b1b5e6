"""Parts that all windows share."""
