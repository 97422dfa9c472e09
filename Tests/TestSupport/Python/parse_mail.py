"""Reads messages as an independent program would, and says what is wrong with them.

Each line of stdin is {"source": base64, and what the message must say}; the answer is one line of JSON: the complaints.
"""
import base64
import email
import email.header
import email.policy
import json
import re
import sys

policy = email.policy.default.clone(raise_on_defect=True)
complaints = []


def visible(text):
    """What a header can carry of a text: controls become spaces."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text)


def lines(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded(words):
    return str(email.header.make_header(email.header.decode_header(words)))


def check(number, expected):
    source = base64.b64decode(expected["source"])

    def require(what, found, wanted):
        if found != wanted:
            complaints.append("message %d: %s is %r, not %r" % (number, what, found, wanted))

    head, _, body = source.partition(b"\r\n\r\n")
    for line in source.split(b"\r\n"):
        if len(line) > 998:
            complaints.append("message %d: a line has %d octets" % (number, len(line)))
        if b"\n" in line or b"\r" in line:
            complaints.append("message %d: a lone CR or LF" % number)
    for line in head.split(b"\r\n"):
        if not line.strip():
            complaints.append("message %d: an empty line in the header" % number)
        if len(line) > 78 and len(line.split()) > 1:
            complaints.append("message %d: an unfolded line of %d: %r" % (number, len(line), line))
        for word in re.findall(rb"=\?[^ ]*\?=", line):
            if len(word) > 75 or len(line) > 76:
                complaints.append("message %d: an encoded word too long: %r" % (number, line))
    for line in body.split(b"\r\n"):
        if len(line) > 76:
            complaints.append("message %d: a body line of %d" % (number, len(line)))
    if not expected["utf8"] and not source.isascii():
        complaints.append("message %d: not 7-bit" % number)
    # The parser of bytes knows no UTF-8 header (RFC 6532), the one of text does.
    if expected["utf8"]:
        message = email.message_from_string(source.decode("utf-8"), policy=policy.clone(utf8=True))
    else:
        message = email.message_from_bytes(source, policy=policy)
    require("defects", [str(d) for part in message.walk() for d in part.defects], [])
    for name in message.keys():
        defects = [str(defect) for defect in message[name].defects]
        # Meant for what RFC 6532 allows.
        if expected["utf8"]:
            defects = [defect for defect in defects if not defect.startswith("local-part contains non-ASCII")]
        require("defects of %s" % name, defects, [])
    require("fields", message.keys(), expected["fields"])
    require("subject", str(message["Subject"]), visible(expected["subject"]))
    for field in ("From", "To", "Reply-To"):
        wanted = expected.get(field)
        if wanted is None:
            continue
        require(field + " count", len(message[field].addresses), 1)
        address = message[field].addresses[0]
        raw = re.sub("\r?\n(?=[ \t])", "", dict(message.raw_items())[field].strip())
        # `display_name` reduces runs of spaces, and keeps the space between encoded words.
        name = decoded(raw[: raw.rfind(" <")]) if "=?" in raw else address.display_name
        require(field + " name", name, visible(wanted["name"]).strip())
        require(field + " address", str(address.addr_spec), wanted["address"])
    require("Message-ID", str(message["Message-ID"]), expected["message_id"])
    require("References", str(message["References"]).split(), expected["references"])
    require("In-Reply-To", str(message["In-Reply-To"]), expected["references"][0])
    require("Auto-Submitted", str(message["Auto-Submitted"]), "auto-generated")
    require("Date", message["Date"].datetime.timestamp(), expected["date"])
    require("type", message.get_content_type(), "multipart/alternative")
    parts = list(message.iter_parts())
    require("parts", [part.get_content_type() for part in parts], ["text/plain", "text/html"])
    for part, text in zip(parts, (expected["text"], expected["html"])):
        require("charset", part.get_content_charset(), "utf-8")
        found = part.get_payload(decode=True).decode("utf-8")
        require("content", lines(found), lines(text))
        if re.search("(?<!\r)\n|\r(?!\n)", found):
            complaints.append("message %d: decoded lines do not end in CRLF" % number)


count = 0
for line in sys.stdin:
    try:
        check(count, json.loads(line))
    except Exception as error:
        complaints.append("message %d: %s: %s" % (count, type(error).__name__, error))
    count += 1
print(json.dumps({"count": count, "complaints": complaints[:20], "complaint_count": len(complaints)}))
