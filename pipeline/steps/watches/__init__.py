"""Calendar watches: which end soon, and how one is renewed. No Beam."""
