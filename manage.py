#!/usr/bin/env python
"""The operator's way in: every command of the software."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    from tradingsite.core.management.entry import run

    sys.exit(run(sys.argv))


if __name__ == "__main__":
    main()
