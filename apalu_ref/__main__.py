"""``python -m apalu_ref``: the same as the ``apalu-ref`` command."""

import sys

from apalu_ref.cli import main

if __name__ == "__main__":
    sys.exit(main())
