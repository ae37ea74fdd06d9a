"""``make catalogue``: write the catalogue anew and say which files changed."""

import sys

from pipeline.handlers import HANDLERS
from pipeline.ops.catalogue.files import DOCS, catalogue, rewrite

for changed in rewrite(DOCS, catalogue(HANDLERS)):
    sys.stderr.write(f"docs/{changed}\n")
