"""The `worldseat` command: one module per command, each a thin layer over the services.

Exit status: 0 it passed, 1 it did not (a seat oversold, a violation, a check that failed), 2 it
could not be done (bad words, database away).
"""

from worldseat.cli.app import main

__all__ = ["main"]
