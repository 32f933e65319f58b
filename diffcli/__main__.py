"""``python -m diffcli``."""

import sys

from diffcli.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
