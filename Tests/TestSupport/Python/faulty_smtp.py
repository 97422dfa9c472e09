"""An SMTP server on loopback that does what a test tells it to.

Its first line on stdout is the port. Then it reads commands from stdin, a JSON object a line, and answers each with one:
{"rules": [...]} replaces the rules, {"listen": bool} closes or opens the port, {"report": true} tells what was seen.
It ends when stdin does.

A rule: {"step", "match"?, "reply"?, "then"?, "times"?, "each_recipient"?}. Steps are connect, EHLO, HELO, STARTTLS, AUTH,
MAIL, RCPT, DATA, RSET, content (amid it), end (after the last dot) and idle (after a message was taken). `match` must be part of
the command, or of an envelope's recipient; `then` is close, hang or nothing; `times` is how often it applies.
"""
import base64
import json
import socket
import ssl
import sys
import threading

options = json.loads(sys.argv[1])
lock = threading.Lock()
rules = []
seen = {"connections": 0, "messages": [], "commands": [], "logins": [], "unread": []}
greylisted = set()
listener = None
port = 0
connections = set()


class Over(Exception):
    pass


def rule_for(step, text):
    with lock:
        for rule in rules:
            if rule["step"] != step or rule.get("times", 1) == 0 or rule.get("match", "") not in text:
                continue
            if rule.get("each_recipient"):
                if text in greylisted:
                    continue
                greylisted.add(text)
                return rule
            if "times" in rule:
                rule["times"] -= 1
            return rule
    return None


class Session(threading.Thread):
    def __init__(self, connection):
        super().__init__(daemon=True)
        self.connection = connection
        self.buffer = b""
        self.is_secure = False
        self.is_known = False
        self.mail = None
        self.recipients = []

    def run(self):
        try:
            if options["tls"] == "implicit":
                self.secure()
            self.say_or_obey("connect", "", "220 faulty.example ESMTP")
            while self.command(self.line()):
                pass
        except (Over, OSError, ssl.SSLError, ValueError):
            pass
        finally:
            with lock:
                connections.discard(self.connection)
            self.connection.close()

    def secure(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["certificate"], options["key"])
        with lock:
            connections.discard(self.connection)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        with lock:
            connections.add(self.connection)
        self.is_secure = True

    def line(self):
        while b"\n" not in self.buffer:
            self.receive()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def receive(self):
        data = self.connection.recv(65536)
        if not data:
            raise Over()
        self.buffer += data

    def say(self, text):
        self.connection.sendall(text.encode("utf-8") + b"\r\n")

    def obey(self, step, text):
        """Whether a rule took the step over."""
        rule = rule_for(step, text)
        if rule is None:
            return False
        if "reply" in rule:
            self.say(rule["reply"])
        if rule.get("then") == "close":
            raise Over()
        if rule.get("then") == "hang":
            with lock:
                seen["unread"] += self.buffer.decode("utf-8", "replace").split("\r\n")
            while True:
                self.receive()
        return True

    def say_or_obey(self, step, text, reply):
        if self.obey(step, text):
            return False
        self.say(reply)
        return True

    def command(self, line):
        with lock:
            seen["commands"].append(line)
        verb = line.split(" ")[0].upper()
        if verb in ("EHLO", "HELO"):
            self.say_or_obey(verb, line, self.greeting() if verb == "EHLO" else "250 faulty.example")
        elif verb == "STARTTLS" and options["tls"] == "starttls":
            if self.say_or_obey("STARTTLS", line, "220 2.0.0 Go ahead"):
                self.secure()
        elif verb == "AUTH":
            if not self.obey("AUTH", line):
                self.login(line.split(" "))
        elif verb == "MAIL":
            if options.get("user") and not self.is_known:
                self.say("530 5.7.0 Authentication required")
            elif self.say_or_obey("MAIL", line, "250 2.1.0 Ok"):
                self.mail, self.recipients = line, []
        elif verb == "RCPT":
            if self.say_or_obey("RCPT", line, "250 2.1.5 Ok"):
                self.recipients.append(line[line.find("<") + 1 : line.rfind(">")])
        elif verb == "DATA":
            if not self.recipients and not options.get("careless"):
                self.say("554 5.5.1 Error: no valid recipients")
            elif self.say_or_obey("DATA", " ".join(self.recipients), "354 End data with <CR><LF>.<CR><LF>"):
                self.content()
                self.mail, self.recipients = None, []
        elif verb == "RSET":
            if self.say_or_obey("RSET", line, "250 2.0.0 Ok"):
                self.mail, self.recipients = None, []
        elif verb == "NOOP":
            self.say("250 2.0.0 Ok")
        elif verb == "QUIT":
            self.say("221 2.0.0 Bye")
            return False
        else:
            self.say("502 5.5.2 Error: command not recognized")
        return True

    def greeting(self):
        lines = ["faulty.example", "SIZE 10240000", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if options.get("pipelining"):
            lines.append("PIPELINING")
        if options["tls"] == "starttls" and not self.is_secure:
            lines.append("STARTTLS")
        if options.get("methods") and (self.is_secure or options["tls"] == "none"):
            lines.append("AUTH " + " ".join(options["methods"]))
        if options.get("smtputf8"):
            lines.append("SMTPUTF8")
        return "\r\n".join(["250-" + line for line in lines[:-1]] + ["250 " + lines[-1]])

    def login(self, words):
        method = words[1].upper()

        def answer(challenge):
            self.say("334 " + base64.b64encode(challenge).decode())
            return base64.b64decode(self.line())

        first = base64.b64decode(words[2]) if len(words) > 2 else None
        if method == "LOGIN":
            user = first if first is not None else answer(b"Username:")
            pair = (user.decode(), answer(b"Password:").decode())
        elif method == "PLAIN":
            parts = (first if first is not None else answer(b"")).split(b"\0")
            pair = (parts[1].decode(), parts[2].decode())
        else:
            text = (first if first is not None else answer(b"")).decode()
            pair = (text.split("\x01")[0].removeprefix("user="), text.split("Bearer ")[-1].rstrip("\x01"))
        self.is_known = pair == (options.get("user"), options.get("password"))
        with lock:
            seen["logins"].append(method)
        self.say("235 2.7.0 Authentication successful" if self.is_known else "535 5.7.8 Error: authentication failed")

    def content(self):
        text = " ".join(self.recipients)
        if self.obey("content", text):
            raise Over()
        while not (self.buffer.endswith(b"\r\n.\r\n") or self.buffer == b".\r\n"):
            self.receive()
        message, self.buffer = self.buffer[:-3], b""
        if self.obey("end", text):
            return
        with lock:
            seen["messages"].append(
                {
                    "mail": self.mail,
                    "recipients": self.recipients,
                    "content": (b"\r\n" + message).replace(b"\r\n..", b"\r\n.")[2:].decode("utf-8", "replace"),
                    "secure": self.is_secure,
                    "login": self.is_known,
                }
            )
            number = len(seen["messages"])
        self.say("250 2.0.0 Ok: queued as %d" % number)
        self.obey("idle", text)


def listen():
    global listener, port
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    port = listener.getsockname()[1]
    threading.Thread(target=accept, args=(listener,), daemon=True).start()


def accept(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with lock:
            seen["connections"] += 1
            connections.add(connection)
        Session(connection).start()


def go_down():
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    with lock:
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


listen()
print(port, flush=True)
for command in map(json.loads, sys.stdin):
    answer = {}
    if "rules" in command:
        with lock:
            rules = command["rules"]
            greylisted = set()
    if "listen" in command:
        listen() if command["listen"] else go_down()
    if "report" in command:
        with lock:
            answer = json.loads(json.dumps(seen))
    print(json.dumps(answer), flush=True)
