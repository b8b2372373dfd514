"""Owns `python -m app`: the program `lossdeck` where its script is not on the path (does nothing else)."""

from app.cli.main import main

main()
