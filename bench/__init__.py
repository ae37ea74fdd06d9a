"""The benchmark: how fast each part is, beside what it is compared with, in one run."""
