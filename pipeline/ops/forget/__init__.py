"""Erases what the pipeline holds of a person: a user id in, the numbers of rows out."""
