"""`python -m finsim` is the command `finsim`."""

from __future__ import annotations

import sys

from finsim.cli import main

if __name__ == "__main__":
    sys.exit(main())
