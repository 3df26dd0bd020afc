"""Retraining policies on streams of one's own: what was replayed, kept on disk, and the tables made of it."""
