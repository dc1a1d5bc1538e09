"""How far a grader can be trusted: labels of people beside its grades, and numbers corrected for it."""
