"""Suites whose tasks a team's own command runs and judges: inspect, promptfoo, pytest, harbor, or any other.

A suite names the command and the format that it writes; which tasks there are, how often each is tried, what it may
cost and what a difference means stays here. `command` fills in what the command is told, `ids` finds the tasks, `call`
runs the command once, `reading` takes what it left, `job` makes records of it, and `executor` puts trials together in
calls.
"""
