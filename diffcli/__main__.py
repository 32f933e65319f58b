"""`python -m diffcli` is the command `diffcli`."""

from diffcli.cli.main import main

if __name__ == "__main__":
    main()
