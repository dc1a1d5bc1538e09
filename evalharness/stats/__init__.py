"""Statistics for repeated trials of tasks: plain numbers in, frozen results out.

The task is the unit; trials of one task are not independent. Nothing here imports the rest of the package.
"""
