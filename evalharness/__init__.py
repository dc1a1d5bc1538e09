"""Evaluate LLM agents and gate their releases: is this version worse, beyond noise, and where?

Read the modules in the order in which the data flows: `model` (every noun), `suite` (YAML to Suite), `runner` (run
what is owed), `store` (a run on disk), `outcomes` (records to a table), `compare` (tables to a Comparison), `gate`
(Comparison to Verdict), `report` (what people read).
"""

__version__ = "0.1.0"
