"""`python -m skypact`: the same as the command `skypact`."""

from skypact.cli import main

main()
