"""python -m monostack.cli"""

import sys

from monostack.cli import main

sys.exit(main())
