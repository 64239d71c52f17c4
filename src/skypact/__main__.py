"""`python -m skypact`: the same as the command `skypact`."""

from skypact.cli import main

if __name__ == "__main__":  # not in the processes that a node begins, which import this as well
    main()
