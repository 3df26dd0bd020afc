"""Groups of commands, each in a module of its own; `retrain_assets.cli` registers them."""
