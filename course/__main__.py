"""`python3 -m course`: sets itself up where that is needed, then does what was asked."""

import sys

from course import bootstrap

if __name__ == "__main__":
    bootstrap.ensure(sys.argv[1:])

    from course.cli import main

    main(prog_name="python3 -m course")
