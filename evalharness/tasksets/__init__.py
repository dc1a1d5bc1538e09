"""Task sets: functions that turn published data sets into the rows of a suite.

A suite names one under `tasks: {use: "evalharness.tasksets.NAME:load", options: {...}}`. They read what a package
carries or what lies in a file, never the network unless they say so, and need no package before they are called.
"""
