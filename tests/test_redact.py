import base64
import json

import pytest

from evalharness.redact import MASK, Redactor, with_secrets, without_secrets

SECRET = 'sk-"quoted"\\and/ünïcode+12345='
ENVIRON = {"OPENAI_API_KEY": SECRET}
redactor = Redactor.from_environment(ENVIRON)


@pytest.mark.parametrize(
    "name",
    ["OPENAI_API_KEY", "my_token", "DB_PASSWORD", "CLIENT_SECRET", "AWS_CREDENTIALS", "KEYCLOAK"],
)
def test_names_that_say_secret_are_known(name):
    assert Redactor.from_environment({name: "12345678"}).clean_text("a 12345678 b") == f"a {MASK} b"


@pytest.mark.parametrize("environ", [{"HOME": "/home/someone"}, {"API_KEY": "1234567"}, {"API_KEY": ""}])
def test_other_values_are_left_alone(environ):
    text = "/home/someone 1234567"
    assert Redactor.from_environment(environ).clean_text(text) == text


def test_a_secret_goes_verbatim_and_escaped():
    assert redactor.clean_text(f"<{SECRET}>") == f"<{MASK}>"
    for ensure_ascii in (True, False):
        content = json.dumps({"a": SECRET}, ensure_ascii=ensure_ascii).encode()
        assert json.loads(redactor.clean(content)) == {"a": MASK}


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "z", "zz"])
def test_a_secret_goes_in_base64_at_every_alignment(encode, before, after):
    content = encode(f"{before}{SECRET}{after}".encode())
    left = redactor.clean(content)
    assert MASK.encode() in left
    assert len(left.replace(MASK.encode(), b"")) <= (len(before) + len(after)) * 4 / 3 + 6


def test_a_secret_that_contains_another_goes_whole():
    both = Redactor.from_environment({"A_KEY": "12345678", "B_KEY": "12345678-and-more"})
    assert both.clean_text("12345678-and-more") == MASK


def test_json_stays_json_whatever_the_secret_is():
    """Used to: a secret of digits, or one that is the name of a field, broke the file that it was taken out of."""
    hostile = Redactor.from_environment({"A_KEY": "12345678", "B_TOKEN": "messages", "C_SECRET": "transcript"})
    document = {"seed": 9123456789, "cost": 0.12345678, "messages": [{"content": "messages 12345678"}]}
    cleaned = json.loads(hostile.clean_json(json.dumps(document).encode()))
    assert cleaned == {"seed": 9123456789, "cost": 0.12345678, "messages": [{"content": f"{MASK} {MASK}"}]}


def test_names_of_arguments_are_cleaned_too():
    content = json.dumps({"arguments": {SECRET: [SECRET, {"x": SECRET}]}}).encode()
    assert json.loads(redactor.clean_json(content)) == {"arguments": {MASK: [MASK, {"x": MASK}]}}


def test_secrets_can_be_taken_out_and_put_back():
    options = {"headers": {"Authorization": f"Bearer {SECRET}"}, "list": [SECRET, 1, None]}
    hidden = without_secrets(options, ENVIRON)
    assert SECRET not in json.dumps(hidden, ensure_ascii=False)
    assert "[redacted: OPENAI_API_KEY]" in json.dumps(hidden)
    assert with_secrets(hidden, ENVIRON) == options


def test_text_without_secrets_is_the_same_object():
    text = "nothing here \ud800"
    assert Redactor(()).clean_text(text) is text
