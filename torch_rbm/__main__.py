"""python -m torch_rbm: the command line."""

import sys

from torch_rbm.cli import main

if __name__ == "__main__":
    sys.exit(main())
