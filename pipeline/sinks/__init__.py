"""Where outcomes and dead letters go: writers that know no Beam, a PTransform beside each."""
