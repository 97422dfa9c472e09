"""The service's own statements, read out of the server's log, as scripts for pgbench."""

import re
import time

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Statement:
    def __init__(self, process, text):
        self.process = process
        self.text = text
        self.values = []


def logged(service, call):
    """What the server was told while `call` ran, in order, with the values bound."""
    change = "ALTER SYSTEM {}; SELECT pg_reload_conf()"
    service.psql("-c", "ALTER SYSTEM SET log_statement = 'all'", "-c", "SELECT pg_reload_conf()", role="postgres")
    time.sleep(0.5)
    with open(service.server_log) as log:
        log.seek(0, 2)
        call()
        time.sleep(0.5)
        text = log.read()
    service.psql("-c", "ALTER SYSTEM RESET log_statement", "-c", "SELECT pg_reload_conf()", role="postgres")
    time.sleep(0.5)
    entries = re.split(r"^(?=\d{4}-\d\d-\d\d [\d:.]+ UTC \[)", text, flags=re.M)
    statements = []
    for entry in entries:
        found = re.match(r"\S+ \S+ UTC \[(\d+)\] (LOG:  execute \S+: |DETAIL:  [Pp]arameters: )(.*)", entry, re.S)
        if not found:
            continue
        process, kind, rest = found.groups()
        if kind.startswith("LOG"):
            statements.append(Statement(process, rest.replace("\n\t", "\n").strip()))
        elif statements:
            last = next(one for one in reversed(statements) if one.process == process)
            last.values = values(rest.strip().replace("\n\t", "\n"))
    return statements


def values(text):
    """`$1 = 'a', $2 = NULL` → ["'a'", "NULL"]; quotes are doubled in the log as in SQL."""
    return [found.group(1) for found in re.finditer(r"\$\d+ = (NULL|'(?:[^']|'')*')", text)]


def bound(statement, replace):
    """The statement with what `replace` makes of each value in the value's place, typed as the server sees it."""
    return re.sub(r"\$(\d+)", lambda found: replace(statement.values[int(found.group(1)) - 1]), statement.text)


def literal(value):
    """A value in a script: pgbench takes a colon before a letter for one of its variables, even within quotes."""
    return re.sub(r'":(?=[A-Za-z_])', '": ', value)


def script_of_create(statements):
    """The whole change that one POST /v1/requests is: what it read, then what it wrote. Ids and names of the new things
    become new ones each time; all else stays what it was."""
    process = next(one.process for one in statements if one.text.startswith("INSERT INTO request "))
    own = [one for one in statements if one.process == process]
    first_insert = next(index for index, one in enumerate(own) if one.text.startswith("INSERT"))
    first = max(index for index in range(first_insert) if "pg_advisory_xact_lock(hashtext" in own[index].text)
    last = first_insert
    while last + 1 < len(own) and own[last + 1].text.startswith("INSERT"):
        last += 1
    known = {}

    def replace(value):
        if value == "NULL":
            return "NULL"
        if re.fullmatch(r"'" + UUID.pattern + "'", value):
            number = known.setdefault(value, len(known) + 1)
            return f"(lpad(to_hex(:n::bigint), 8, '0') || '-{number:04x}-7000-8000-' || lpad(to_hex(:client_id::bigint), 12, '0'))::uuid"
        if re.fullmatch(r"'\{" + UUID.pattern + r"\}'", value):
            return f"ARRAY[{replace(value.replace('{', '').replace('}', ''))}]"
        if "loadprobe" in value and len(value) < 40:
            return "('p' || :n::text || '-' || :client_id::text)"
        if UUID.search(value) and "@" in value and len(value) < 100:
            return "('m' || :n::text || '-' || :client_id::text || '@localhost')"
        return literal(value)

    return [bound(one, replace) for one in own[first:last + 1]]


def write(path, lines, statements, pipelined=False, block=False):
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
        if pipelined:
            file.write("\\startpipeline\n")
        elif block:
            file.write("BEGIN;\n")
        for statement in statements:
            file.write(" ".join(statement.split("\n")).replace("\n", " ") + ";\n")
        if pipelined:
            file.write("\\endpipeline\n")
        elif block:
            file.write("COMMIT;\n")
