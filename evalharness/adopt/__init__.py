"""Other tools' configurations as suites of ours: `promptfoo` and `inspect_task` read one, `writing` puts it into files.

What has no counterpart is named with its place, and never made to pass.
"""
