"""Every noun as frozen data: what people write, what happens in a run, what a run remembers, what is judged.

Fractions inside, percent on the page; unknown is None, never 0; money in US dollars, time in seconds.
"""

from evalharness.model.base import Extension
from evalharness.model.run import (
    RUN_SCHEMA,
    AgentEntry,
    Origin,
    Planned,
    RunHeader,
    SuiteEntry,
    TaskEntry,
)
from evalharness.model.suite import (
    AgentDefinition,
    Confirm,
    GraderUse,
    Limits,
    Policy,
    Suite,
    Task,
    UnmeasuredRules,
)
from evalharness.model.trial import (
    Grade,
    Message,
    Outcome,
    Record,
    ToolCall,
    Transcript,
    TranscriptRef,
    Trial,
    TrialKey,
    Usage,
)

__all__ = [
    "RUN_SCHEMA",
    "AgentDefinition",
    "AgentEntry",
    "Confirm",
    "Extension",
    "Grade",
    "GraderUse",
    "Limits",
    "Message",
    "Origin",
    "Outcome",
    "Planned",
    "Policy",
    "Record",
    "RunHeader",
    "Suite",
    "SuiteEntry",
    "Task",
    "TaskEntry",
    "ToolCall",
    "Transcript",
    "TranscriptRef",
    "Trial",
    "TrialKey",
    "UnmeasuredRules",
    "Usage",
]
