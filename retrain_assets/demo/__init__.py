"""The demo: a year of two real models, played through the platform in minutes."""
