"""The declared models, one folder each."""
