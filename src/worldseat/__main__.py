"""`python -m worldseat` is the command line."""

from worldseat.cli import main

main()
