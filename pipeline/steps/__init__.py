"""What each step does with a batch, without Beam: it reads, it decides, it writes nothing.

``transforms`` puts these functions into a graph; ``ops`` calls them to say what would happen.
"""
