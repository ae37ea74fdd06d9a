"""The library of charts, without what it does to imports."""

import sys

import pygal
from pygal.style import CleanStyle

__all__ = ["CleanStyle", "pygal"]

# It looks for plug-ins at each import that fails, and warns in Python 3.11. We have no plug-ins.
sys.meta_path[:] = [each for each in sys.meta_path if type(each).__name__ != "PluginImportFixer"]
