"""What a suite file may say: its keys, their types, and what they mean. `evalh schema suite` is made from this."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from evalharness.model import Extension, GraderUse, Limits, Policy


class RowLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Limits of one task; what is not named here is as the suite says."""

    seconds: Annotated[float, Meta(gt=0)] | None = None
    cost_usd: Annotated[float, Meta(ge=0)] | None = None
    tokens: Annotated[int, Meta(ge=0)] | None = None


class RowKeys(Struct, frozen=True, kw_only=True):
    """The keys of a task that the harness itself reads; every other key is a field for prompts and graders."""

    id: (
        Annotated[str | int, Meta(description="Unique in the suite; made from the content where it is absent.")] | None
    ) = None
    tags: Annotated[
        list[str | int | float | bool] | dict[str, Any] | str | None,
        Meta(description="A list, text with commas, or an object that becomes `key:value`."),
    ] = None
    files: Annotated[
        dict[str, str] | None,
        Meta(description="Path in the workspace: path of the file or folder to place there, from the suite's folder."),
    ] = None
    graders: Annotated[
        tuple[GraderUse, ...] | None, Meta(description="How this task is judged, instead of the suite's graders.")
    ] = None
    limits: Annotated[RowLimits | None, Meta(description="What a trial of this task may use.")] = None


class ExternalTask(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task that a command of yours runs: its id there, and what the gate is to know of it."""

    id: Annotated[str | int, Meta(description="The task's id, as the tool calls it.")]
    tags: Annotated[
        list[str | int | float | bool] | dict[str, Any] | str | None,
        Meta(description="A list, text with commas, or an object that becomes `key:value`."),
    ] = None
    limits: Annotated[RowLimits | None, Meta(description="What a trial of this task may use.")] = None


class TaskSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where tasks come from when they do not stand in the suite: a file, a function, or an external runner."""

    file: Annotated[str | None, Meta(description="A .jsonl, .json or .csv file, from the suite's folder.")] = None
    use: Annotated[
        str | None, Meta(description="A function `module:name` that returns or yields objects; or `external`.")
    ] = None
    options: Annotated[dict[str, Any], Meta(description="Keyword arguments for the function.")] = {}
    command: Annotated[
        tuple[str, ...] | None,
        Meta(description="external: the command that runs tasks, a list of arguments with {placeholders}."),
    ] = None
    reads: Annotated[str | None, Meta(description="external: the format of what it leaves in {out}.")] = None
    ids: Annotated[
        tuple[str | int | ExternalTask, ...] | str | None,
        Meta(description="external: the ids of the tasks, or a log of an earlier run that holds them."),
    ] = None
    list: Annotated[
        tuple[str, ...] | None, Meta(description="external: a command that prints the ids of the tasks, one a line.")
    ] = None
    run: Annotated[str | None, Meta(description="external: which run, where a log holds several.")] = None
    pass_at: Annotated[float | None, Meta(description="external: the score from which on a trial passes.")] = None
    batch: Annotated[int, Meta(ge=1, description="external: the most trials that one call is asked for.")] | None = None


class SuiteFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suite: tasks, how they are judged, what they may use, and what a release must show."""

    tasks: Annotated[tuple[RowKeys, ...] | TaskSource, Meta(description="The tasks, or where they come from.")]
    name: Annotated[str | None, Meta(description="The suite's name; the file's name where it is absent.")] = None
    version: Annotated[str | int | float, Meta(description="For people; changes are seen by their digests.")] = ""
    trials: Annotated[int, Meta(ge=1, description="How many times each task is run.")] = 1
    prompt: Annotated[
        str | None,
        Meta(description="A jinja2 template over the fields of a row; the field `prompt` where it is absent."),
    ] = None
    expected: Annotated[
        str | None, Meta(description="The field that holds the expected answer; `expected` where it is absent.")
    ] = None
    graders: Annotated[tuple[GraderUse, ...], Meta(description="How every task is judged; all must pass.")] = ()
    workspace: Annotated[Extension, Meta(description="Where a trial takes place.")] = Extension(use="local")
    limits: Annotated[Limits, Meta(description="What one trial may use; running out is a fail.")] = Limits()
    files: Annotated[dict[str, str], Meta(description="Files to place in every task's workspace.")] = {}
    artifacts: Annotated[tuple[str, ...], Meta(description="Globs of files to keep from the workspace.")] = ()
    gate: Annotated[Policy | None, Meta(description="What a release must show.")] = None
