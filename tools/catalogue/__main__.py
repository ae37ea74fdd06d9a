"""``make catalogue``: write the catalogue again and list the changed files."""

import sys

from pipeline.fanout.handlers import HANDLERS
from tools.catalogue.files import DOCS, catalogue, rewrite

for path in rewrite(DOCS, catalogue(HANDLERS)):
    sys.stderr.write(f"wrote docs/{path}\n")
