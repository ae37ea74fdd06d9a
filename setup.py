"""The package is described in pyproject.toml; some tools look for this file."""

from setuptools import setup

setup()
