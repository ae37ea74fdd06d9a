"""What operators ask of mail: previews, and how mails stand."""
