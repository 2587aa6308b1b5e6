"""Archives (PACS): find, pull, push, and watch for what is new."""
