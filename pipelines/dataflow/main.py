"""What a Flex Template's launcher runs in the image of the Dockerfile: it sends the job, and never waits for it."""

import sys

from gzprep.cli import main
from gzprep.run.flex_template import arguments

if __name__ == "__main__":
    sys.argv = ["gzprep", *arguments(sys.argv[1:])]
    main()
