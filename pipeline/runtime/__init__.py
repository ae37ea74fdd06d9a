"""Run a graph: as a stream on one machine, as catch-up of unfinished events, or on Dataflow."""
