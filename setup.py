"""The package is described in pyproject.toml; Beam's workers are handed this file."""

from setuptools import setup

setup()
