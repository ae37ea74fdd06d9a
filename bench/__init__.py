"""The benchmark: measures the speed of each part and its baselines in one run."""
