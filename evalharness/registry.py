"""Names to import paths: the one place that knows every built-in extension, and loads one when it is asked for."""

import dataclasses
import difflib
import importlib
from typing import Any, Literal, overload

import msgspec

from evalharness.agents import Agent, OpenableAgent
from evalharness.errors import ConfigError
from evalharness.executors import Executor
from evalharness.exporters import Exporter
from evalharness.graders import Grader
from evalharness.importers import Importer
from evalharness.model import Extension
from evalharness.rules import Rule
from evalharness.workspaces import Workspaces

Kind = Literal["agent", "grader", "workspace", "executor", "rule", "importer", "exporter"]

BUILT_IN: dict[str, dict[str, str]] = {
    "agent": {
        "command": "evalharness.agents.command:CommandAgent",
        "external": "evalharness.external.agent:ExternalAgent",
        "function": "evalharness.agents.function:FunctionAgent",
        "http": "evalharness.agents.http:HttpAgent",
        "local": "evalharness.agents.local:LocalAgent",
        "model": "evalharness.agents.model:ModelAgent",
        "scripted": "evalharness.agents.scripted:ScriptedAgent",
    },
    "grader": {
        "choice": "evalharness.graders.choice:Choice",
        "command": "evalharness.graders.command:CommandGrader",
        "contains": "evalharness.graders.text:Contains",
        "exact_match": "evalharness.graders.text:ExactMatch",
        "function": "evalharness.graders.function:FunctionGrader",
        "harbor": "evalharness.graders.harbor:Harbor",
        "json_schema": "evalharness.graders.structure:JsonSchema",
        "judge": "evalharness.graders.judge:Judge",
        "levenshtein": "evalharness.graders.text:Levenshtein",
        "number": "evalharness.graders.number:Number",
        "regex": "evalharness.graders.text:Regex",
        "swe_bench": "evalharness.graders.swe_bench:SweBench",
        "tool_calls": "evalharness.graders.tool_calls:ToolCalls",
        "trajectory": "evalharness.graders.trajectory:Trajectory",
        "unit_tests": "evalharness.graders.unit_tests:UnitTests",
    },
    "workspace": {
        "container": "evalharness.workspaces.container:ContainerWorkspaces",
        "local": "evalharness.workspaces.local:LocalWorkspaces",
        "sandbox": "evalharness.workspaces.sandbox:SandboxWorkspaces",
        "task_container": "evalharness.workspaces.task_container:TaskContainers",
    },
    "rule": {
        "cost": "evalharness.rules.usage:Cost",
        "critical": "evalharness.rules.regressions:Critical",
        "floor": "evalharness.rules.levels:Floor",
        "holdout": "evalharness.rules.more:Holdout",
        "intent": "evalharness.rules.intent:Intent",
        "latency": "evalharness.rules.usage:Latency",
        "max_unmeasured": "evalharness.rules.levels:MaxUnmeasured",
        "min_fixes": "evalharness.rules.flips:MinFixes",
        "net_fixes": "evalharness.rules.flips:NetFixes",
        "new_flakes": "evalharness.rules.more:NewFlakes",
        "no_confirmed_regressions": "evalharness.rules.regressions:NoConfirmedRegressions",
        "no_worse": "evalharness.rules.no_worse:NoWorse",
        "safety": "evalharness.rules.levels:Safety",
        "score": "evalharness.rules.more:Score",
        "slices": "evalharness.rules.more:Slices",
        "steps": "evalharness.rules.usage:Steps",
        "tokens": "evalharness.rules.usage:Tokens",
        "trade": "evalharness.rules.flips:Trade",
    },
    "importer": {
        "inspect_ai": "evalharness.importers.inspect_ai:InspectImporter",
        "promptfoo": "evalharness.importers.promptfoo:PromptfooImporter",
        "openai_evals": "evalharness.importers.openai_evals:OpenAIEvalsImporter",
        "swe_bench": "evalharness.importers.swe_bench:SweBenchImporter",
        "lm_eval": "evalharness.importers.lm_eval:LmEvalImporter",
        "harbor": "evalharness.importers.harbor:HarborImporter",
        "junit": "evalharness.importers.junit:JunitImporter",
        "pytest_json": "evalharness.importers.pytest_json:PytestJsonImporter",
        "deepeval": "evalharness.importers.deepeval:DeepEvalImporter",
        "every_eval_ever": "evalharness.importers.every_eval_ever:EveryEvalEverImporter",
        "tau_bench": "evalharness.importers.tau_bench:TauBenchImporter",
        "tau2_bench": "evalharness.importers.tau2_bench:Tau2BenchImporter",
        "terminal_bench": "evalharness.importers.terminal_bench:TerminalBenchImporter",
        "hal": "evalharness.importers.hal:HalImporter",
        "predictions": "evalharness.importers.predictions:PredictionsImporter",
        "tqb": "evalharness.importers.tqb:TqbImporter",
        "table": "evalharness.importers.table:TableImporter",  # last: others have such columns too
    },
    "exporter": {
        "croissant": "evalharness.exporters.croissant:CroissantExporter",
        "csv": "evalharness.exporters.runs_csv:CsvExporter",
        "every_eval_ever": "evalharness.exporters.runs_every_eval_ever:EveryEvalEverExporter",
        "huggingface": "evalharness.exporters.hugging_face:HuggingFaceExporter",
        "inspect": "evalharness.exporters.inspect_ai:InspectExporter",
        "json": "evalharness.exporters.runs_json:JsonExporter",
        "langsmith": "evalharness.exporters.langsmith:LangSmithExporter",
        "openai_evals": "evalharness.exporters.openai_evals:OpenAIEvalsExporter",
        "otlp": "evalharness.exporters.runs_otlp:OtlpExporter",
        "parquet": "evalharness.exporters.runs_parquet:ParquetExporter",
        "promptfoo": "evalharness.exporters.promptfoo:PromptfooExporter",
    },
    "executor": {
        "ray": "evalharness.executors.ray:RayExecutor",
        "threads": "evalharness.executors.threads:ThreadExecutor",
    },
}


def suggestion(name: str, known: list[str]) -> str:
    """Say which known name was probably meant, or nothing."""
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def find(kind: Kind, use: str) -> type[Any]:
    """Import the class behind a name: a built-in of this kind, or `module:Class`."""
    known = BUILT_IN[kind]
    target = known.get(use, use)
    module_name, colon, attribute = target.partition(":")
    if not colon:
        near = suggestion(use, list(known))
        raise ConfigError(f"unknown {kind} '{use}'{near}: use one of {', '.join(sorted(known))}, or 'module:Class'")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as exc:
        raise ConfigError(f"{kind} '{use}' cannot be imported: {exc}") from exc
    if not isinstance(found, type):
        raise ConfigError(f"{kind} '{use}' is not a class")
    return found


def option_names(cls: type[Any]) -> list[str]:
    """List the options of an extension: the fields of its dataclass or Struct."""
    if dataclasses.is_dataclass(cls):
        return [each.name for each in dataclasses.fields(cls) if each.init]
    return list(getattr(cls, "__struct_fields__", ()))


@overload
def build(kind: Literal["agent"], extension: Extension) -> Agent | OpenableAgent: ...
@overload
def build(kind: Literal["grader"], extension: Extension) -> Grader: ...
@overload
def build(kind: Literal["workspace"], extension: Extension) -> Workspaces: ...
@overload
def build(kind: Literal["executor"], extension: Extension) -> Executor: ...
@overload
def build(kind: Literal["rule"], extension: Extension) -> Rule: ...
@overload
def build(kind: Literal["importer"], extension: Extension) -> Importer: ...
@overload
def build(kind: Literal["exporter"], extension: Extension) -> Exporter: ...
def build(kind: Kind, extension: Extension) -> Any:
    """Make the extension with its options; a wrong name or option is a ConfigError that says which."""
    cls = find(kind, extension.use)
    if getattr(cls, "takes_any_option", False):
        return cls(extension.options)
    known = option_names(cls)
    for name in extension.options:
        if name not in known:
            raise ConfigError(f"{kind} '{extension.use}': unknown option '{name}'{suggestion(name, known)}")
    if not known:
        return cls()
    try:
        return msgspec.convert(extension.options, cls)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{kind} '{extension.use}': {exc}") from exc
    except ValueError as exc:  # an extension's own check of its options
        raise ConfigError(f"{kind} '{extension.use}': {exc}") from exc
