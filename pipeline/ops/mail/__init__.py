"""What operators ask of mail: previews."""
