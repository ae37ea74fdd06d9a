"""The HTTP service: answers questions and takes operators' orders, by the functions of ``ops``."""
