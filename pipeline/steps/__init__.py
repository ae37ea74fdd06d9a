"""The functions of the steps, without Beam. They read and decide, and write nothing.

``transforms`` puts these functions into a graph. ``ops`` calls them to predict results.
"""
