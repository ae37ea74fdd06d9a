"""Tables of an application in place of those of the schema ``reactions``."""
