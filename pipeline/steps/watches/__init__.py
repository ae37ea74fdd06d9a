"""The watches of calendars: which end soon, and how one is renewed. No Beam."""
