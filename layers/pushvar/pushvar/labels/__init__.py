"""Everything done to label sets: names, tenancy and its guard. Pure."""
