"""Figures from records, as PNG bytes."""
