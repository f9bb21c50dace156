"""Examples: each scene is a script to copy; `python -m examples` runs them all as one report."""
