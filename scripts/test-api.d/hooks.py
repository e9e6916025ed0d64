"""What schemathesis needs to know of this API."""

import itertools
import json

import jsonschema_rs
import schemathesis

LINES = "application/x-ndjson"
ADDRESSES = itertools.count()
validators = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each request comes from an address of its own, as a trusted proxy says: one alone has 50 requests a second."""
    number = next(ADDRESSES)
    case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@schemathesis.check
def each_line_conforms(ctx, response, case):
    """The description has the schema of one line of a reply, and schemathesis does not read lines."""
    if response.status_code != 200 or LINES not in response.headers["content-type"][0]:
        return
    document, path = case.operation.schema.raw_schema, case.operation.path
    if path not in validators:
        pointer = ["paths", path, "post", "responses", "200", "content", LINES, "schema"]
        escaped = [part.replace("~", "~0").replace("/", "~1") for part in pointer]
        validators[path] = jsonschema_rs.Draft202012Validator({"$ref": "#/" + "/".join(escaped), **document})
    for line in response.text.splitlines():
        for error in validators[path].iter_errors(json.loads(line)):
            raise AssertionError(f"{path}: {error.message} in the line {line[:500]}")
