"""Validates every line of a file of events: validate.py SCHEMA EVENTS."""

import json
import sys

from jsonschema import Draft202012Validator, FormatChecker

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema, format_checker=FormatChecker())
faults, lines = 0, 0
with open(sys.argv[2], encoding="utf-8") as file:
    for number, line in enumerate(file, 1):
        lines += 1
        for fault in validator.iter_errors(json.loads(line)):
            faults += 1
            print(f"line {number}: {fault.json_path}: {fault.message}")
sys.exit(f"{faults} faults" if faults else 0 if lines else "no events to validate")
