"""The PTransforms. Each calls a function of ``steps`` that does the work without Beam."""
