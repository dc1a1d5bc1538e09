from xml.etree import ElementTree as ET

import pytest
import xmlschema
from junitparser import JUnitXml

from evalharness.compare import compare, with_confirmation
from evalharness.gate import PRESETS, judge
from evalharness.model import Counts
from evalharness.report import junit
from tests.factories import arms
from tests.report.hostile import HOSTILE, hostile

PR = PRESETS["pr"]
STEADY = {f"t{number}": (5, 0, 0) for number in range(40)}

COUNT = '<xs:attribute name="{}" type="xs:nonNegativeInteger" use="required"/>'
COUNTS = "".join(COUNT.format(name) for name in ("tests", "failures", "errors", "skipped"))
SCHEMA = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:complexType name="said"><xs:simpleContent><xs:extension base="xs:string">
<xs:attribute name="message" type="xs:string"/><xs:attribute name="type" type="xs:string"/>
</xs:extension></xs:simpleContent></xs:complexType>
<xs:complexType name="case"><xs:choice minOccurs="0">
<xs:element name="skipped" type="said"/><xs:element name="error" type="said"/>
<xs:element name="failure" type="said"/><xs:element name="system-out" type="xs:string"/>
</xs:choice>
<xs:attribute name="name" type="xs:string" use="required"/><xs:attribute name="time" type="xs:decimal"/>
<xs:attribute name="classname" type="xs:string" use="required"/></xs:complexType>
<xs:complexType name="suite"><xs:sequence>
<xs:element name="properties"><xs:complexType><xs:sequence>
<xs:element name="property" maxOccurs="unbounded"><xs:complexType>
<xs:attribute name="name" type="xs:string" use="required"/><xs:attribute name="value" type="xs:string" use="required"/>
</xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
<xs:element name="testcase" type="case" minOccurs="0" maxOccurs="unbounded"/>
</xs:sequence>{COUNTS}<xs:attribute name="name" type="xs:string" use="required"/>
<xs:attribute name="time" type="xs:decimal"/></xs:complexType>
<xs:element name="testsuites"><xs:complexType><xs:sequence>
<xs:element name="testsuite" type="suite" maxOccurs="unbounded"/>
</xs:sequence>{COUNTS}<xs:attribute name="name" type="xs:string"/></xs:complexType></xs:element>
</xs:schema>"""
"""The part of the common JUnit schema (as Jenkins reads it) that a report uses, and nothing else."""


def rendered(baseline, candidate, change=lambda found: found):
    found = change(compare(*arms(baseline, candidate), PR))
    text = junit.render(found, judge(found, PR))
    xmlschema.XMLSchema(SCHEMA).validate(text)
    return JUnitXml.fromstring(text.encode())


def case(parsed, name):
    return next(case for suite in parsed for case in suite if case.name == name)


def test_there_is_a_case_per_task_and_a_suite_for_the_gate():
    parsed = rendered(STEADY, STEADY)
    suite, gate = list(parsed)
    assert [each.name for each in suite] == list(STEADY)
    assert [each.name for each in gate] == ["no_worse", "no_confirmed_regressions"]
    assert (parsed.tests, parsed.failures, parsed.errors) == (42, 0, 0)


def test_a_suspected_regression_fails_and_says_how_it_did():
    (failure,) = case(rendered(STEADY, STEADY | {"t7": (0, 5, 0)}), "t7").result
    assert failure.type == "suspected_broken"
    assert "5 of 5 to 0 of 5 passed" in failure.message


def test_a_confirmed_regression_fails_as_such():
    fresh = {"t7": (Counts(passed=9, measured=9, planned=9), Counts(passed=0, measured=9, planned=9))}
    parsed = rendered(STEADY, STEADY | {"t7": (0, 5, 0)}, lambda found: with_confirmation(found, fresh, {"t7"}))
    (failure,) = case(parsed, "t7").result
    assert failure.type == "confirmed_broken"
    assert "fresh trials 9 of 9 to 0 of 9" in failure.message


def test_what_infrastructure_left_unmeasured_is_an_error_and_no_failure():
    parsed = rendered(STEADY, STEADY | {"t3": (0, 0, 5)})
    (error,) = case(parsed, "t3").result
    assert error._tag == "error"
    assert (parsed.failures, parsed.errors) == (0, 1)


def test_a_task_that_always_failed_is_no_regression():
    failing = STEADY | {"t3": (0, 5, 0)}
    assert case(rendered(failing, failing), "t3").is_passed


def test_tasks_that_are_not_compared_are_skipped():
    parsed = rendered(STEADY | {"old": (5, 0, 0)}, STEADY | {"new": (5, 0, 0)})
    assert case(parsed, "old").is_skipped
    assert case(parsed, "new").is_skipped


def test_hostile_text_stays_text_and_the_file_stays_valid():
    comparison, verdict, evidence = hostile()
    text = junit.render(comparison, verdict, evidence)
    xmlschema.XMLSchema(SCHEMA).validate(text)
    JUnitXml.fromstring(text.encode())
    names = [each.get("name") for each in ET.fromstring(text).iter("testcase")]
    assert any(HOSTILE[0] in name for name in names)
    assert len(names) == len(HOSTILE) * 3 + len(verdict.checks)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_character_that_xml_forbids_gets_out(text):
    assert ET.fromstring(ET.tostring(junit._case(text, text))).get("name")
