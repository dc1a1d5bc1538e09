"""What a gate is made of: its arms, its directory, the baseline it asks, and what its evidence comes to."""
