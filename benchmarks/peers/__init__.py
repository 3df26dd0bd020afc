"""Other drift tools, each run in an environment of its own; nothing of this package is imported there."""
