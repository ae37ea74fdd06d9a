"""How a graph is run: on one machine, over what is unfinished, on Dataflow."""
