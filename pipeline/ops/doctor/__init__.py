"""Doctor: an installation in; out, for each thing that has to be right, a verdict and the fix."""
