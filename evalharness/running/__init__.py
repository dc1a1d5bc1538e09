"""What a run is made of: the plan, what is still owed, one trial, budgets, outages and who is to blame."""
