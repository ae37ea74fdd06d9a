"""Writers of outcomes and dead letters: functions without Beam, and PTransforms that call them."""
