"""Whole numbers as doubles."""

EXACT = 2**53
"""Up to here every whole number is a double; beyond, one double stands for several."""
