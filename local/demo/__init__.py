"""The demo: sample events through the real parts, and what everyone received."""

from local.demo.run import run_demo

__all__ = ["run_demo"]
