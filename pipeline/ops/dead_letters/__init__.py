"""Dead letters as an operator deals with them: look, count, resolve."""
