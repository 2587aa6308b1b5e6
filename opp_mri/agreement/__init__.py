"""Agreement of two readers, discordance, consensus and certification: pure functions."""
