"""The reading room without a screen: what is shown, and what each wish does."""
