"""Dagster assets that keep machine-learning models fresh."""

__version__ = "0.1.0"
