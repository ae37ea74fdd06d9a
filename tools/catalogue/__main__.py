"""``make catalogue``: write the catalogue again and list the changed files."""

import sys

from pipeline.fanout.handlers import HANDLERS
from pipeline.reactions.handlers import REACTION_HANDLERS
from tools.catalogue.files import DOCS, catalogue, rewrite

for path in rewrite(DOCS, catalogue(HANDLERS, REACTION_HANDLERS)):
    sys.stderr.write(f"wrote docs/{path}\n")
