"""The program that Dataflow's launcher starts: the stream, with the launch options."""

import sys

from pipeline.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
