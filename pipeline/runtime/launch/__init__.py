"""Launch the stream on Dataflow: check what was asked for, build the graph, hand it over."""
