"""Record what the steps do as spans: one trace for each event, from its commit to its row."""
