"""Two blinded reads: packages, merge, agreement, discordance, consensus, certification."""
