# Says as JSON what Python's email package finds in a delivery status notification (RFC 3464).
import email
import json
import sys

with open(sys.argv[1], "rb") as file:
    message = email.message_from_bytes(file.read())
parts = message.get_payload() if message.is_multipart() else []
status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
groups = [{name.lower(): value for name, value in group.items()} for group in status.get_payload()] if status else []
original = parts[-1].get_payload() if parts else ""
print(json.dumps({
    "type": message.get_content_type(),
    "report": message.get_param("report-type"),
    "parts": [part.get_content_type() for part in parts],
    "reverse_path": message["Return-Path"],
    "to": message["To"],
    "auto_submitted": message["Auto-Submitted"],
    "groups": groups,
    "original": (original[0] if isinstance(original, list) else email.message_from_string(original))["Message-ID"],
    "defects": [repr(defect) for part in message.walk() for defect in part.defects],
}))
