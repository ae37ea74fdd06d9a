"""Launch the stream on Dataflow: check the options, build the graph, submit the job."""
