"""Who hears of an event, and what each of them gets; no Beam, no I/O."""
