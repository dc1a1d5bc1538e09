"""Runs as OpenTelemetry spans, parsed by OpenTelemetry's own messages."""

import base64
import json

import pytest

from evalharness.exporters.runs_otlp import SCHEMA
from evalharness.exporting import export_run
from tests.exported import HOSTILE, run_on_disk


@pytest.fixture
def requests(tmp_path):
    return parsed(run_on_disk(tmp_path / "run"), tmp_path / "out.jsonl")


def parsed(run, out):
    """Parse each line; protobuf's JSON wants bytes in base64 where OTLP's has them in hexadecimal digits."""
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    json_format = pytest.importorskip("google.protobuf.json_format")
    export_run("otlp", str(run), out)
    return [
        json_format.Parse(json.dumps(with_base64(json.loads(line))), service.ExportTraceServiceRequest())
        for line in out.read_text(encoding="utf-8").splitlines()
    ]


def with_base64(value):
    if isinstance(value, list):
        return [with_base64(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(each)).decode()
        if key in ("traceId", "spanId", "parentSpanId")
        else with_base64(each)
        for key, each in value.items()
    }


def spans(requests):
    return [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def facts(span):
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def test_a_trial_is_a_trace_with_its_agent_at_the_root(requests):
    found = spans(requests)
    roots = [span for span in found if not span.parent_span_id]
    assert [span.name for span in roots] == ["invoke_agent agent"] * 3
    assert len({span.trace_id for span in found}) == 3
    assert all(len(span.trace_id) == 16 and len(span.span_id) == 8 for span in found)
    assert len({(span.trace_id, span.span_id) for span in found}) == len(found)
    ids = {span.trace_id: span.span_id for span in roots}
    assert all(span.parent_span_id == ids[span.trace_id] for span in found if span.parent_span_id)


def test_what_is_known_of_a_trial_stands_at_its_root(requests):
    root = spans(requests)[0]
    said = facts(root)
    assert said["gen_ai.operation.name"] == "invoke_agent"
    assert said["gen_ai.usage.input_tokens"] == 10
    assert said["test.case.name"] == HOSTILE
    assert said["test.case.result.status"] == "pass"
    assert root.end_time_unix_nano - root.start_time_unix_nano == 1_500_000_000
    (event,) = root.events
    assert event.name == "gen_ai.evaluation.result"
    assert facts(event)["gen_ai.evaluation.score.label"] == "pass"
    assert facts(event)["gen_ai.evaluation.explanation"] == "=1+1"


def test_model_and_tool_calls_stand_below_it_in_order(requests):
    inner = [span for span in spans(requests) if span.parent_span_id][:3]
    assert [span.name for span in inner] == ["chat acme/model-1", "execute_tool add", "chat acme/model-1"]
    assert facts(inner[1]) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": '{"a":1,"b":"2"}',
        "gen_ai.tool.call.result": "3",
    }
    starts = [span.start_time_unix_nano for span in inner]
    assert starts == sorted(set(starts))
    answer = json.loads(facts(inner[0])["gen_ai.output.messages"])
    assert answer[0]["parts"][0] == {"type": "tool_call", "id": "c1", "name": "add", "arguments": {"a": 1, "b": "2"}}


def test_errors_are_errors_and_failures_have_a_status(requests):
    by_outcome = {facts(span)["evalh.outcome"]: span for span in spans(requests) if not span.parent_span_id}
    assert by_outcome["error"].status.code == 2
    assert "test.case.result.status" not in facts(by_outcome["error"])
    assert facts(by_outcome["fail"])["error.type"] == "limit:seconds"
    assert by_outcome["pass"].status.code == 0


def test_every_name_is_one_of_the_conventions_or_ours(requests):
    conventions = pytest.importorskip("opentelemetry.semconv._incubating.attributes")
    known = set()
    for module in ("gen_ai", "test", "service", "error"):
        names = __import__(f"{conventions.__name__}.{module}_attributes", fromlist=["x"])
        known |= {value for value in vars(names).values() if isinstance(value, str)}
    used = {key for span in spans(requests) for each in (span, *span.events) for key in facts(each)}
    assert {name for name in used if not name.startswith("evalh.")} - known <= {"error.type"}
    schemas = pytest.importorskip("opentelemetry.semconv.schemas")
    assert SCHEMA in {each.value for each in schemas.Schemas}


def test_real_logs_become_spans(shared, tmp_path):
    for number, name in enumerate(
        (
            "tau_bench/gpt-4o-airline.json.gz",
            "promptfoo/run_here/out.json.gz::release-a",
            "tau2-bench",
            "lm_eval/release-a",
        )
    ):
        found = spans(parsed(shared / "data/peer_logs" / name, tmp_path / str(number)))
        assert any(span.name.startswith("invoke_agent") for span in found)
    assert any(
        span.name.startswith("execute_tool")
        for span in spans(parsed(shared / "data/peer_logs/tau_bench/gpt-4o-airline.json.gz", tmp_path / "tau"))
    )


def test_large_runs_are_several_lines_that_a_receiver_takes(shared, tmp_path):
    export_run("otlp", str(shared / "data/peer_logs/tau_bench/gpt-4o-airline.json.gz"), tmp_path / "out")
    lines = (tmp_path / "out").read_bytes().splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) < 4_000_000
