"""Which volume is T1, T2FS, STIR or T1POST, how sure that is, and which of them is chosen."""
