"""Images and reports without identity: one engine, and the profiles that decide what passes."""
