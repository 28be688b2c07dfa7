"""The client side of NATS as its documentation has it: as much as the tests need, and none of our code."""
import json
import os
import socket


class Connection:
    """One connection. What comes is read by next()."""

    def __init__(self, address, timeout=30):
        host, port = address.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb", buffering=1 << 18)
        self.inbox = "_INBOX." + os.urandom(8).hex()
        self.sids = 0
        self.waiting = []
        if not self.file.readline().startswith(b"INFO "):
            raise ConnectionError("no INFO")
        options = {"verbose": False, "headers": True, "no_responders": True, "name": "test"}
        login = os.environ.get("NATS_LOGIN", "")
        if login:
            options["user"], options["pass"] = login.split(":", 1)
        self.sock.sendall(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        self.flush()

    def flush(self):
        """Returns when the server has dealt with all that was sent."""
        self.sock.sendall(b"PING\r\n")
        while True:
            message = self.read()
            if message == "PONG":
                return
            self.waiting.append(message)

    def subscribe(self, subject):
        self.sids += 1
        self.sock.sendall(b"SUB %s %d\r\n" % (subject.encode(), self.sids))

    def publish(self, subject, body=b"", headers=(), reply=""):
        to = subject.encode() + (b" " + reply.encode() if reply else b"")
        if headers:
            block = b"NATS/1.0\r\n" + b"".join(b"%s: %s\r\n" % (k.encode(), v.encode()) for k, v in headers) + b"\r\n"
            head = b"HPUB %s %d %d\r\n" % (to, len(block), len(block) + len(body))
        else:
            block, head = b"", b"PUB %s %d\r\n" % (to, len(body))
        self.sock.sendall(head + block + body + b"\r\n")

    def next(self):
        """Gives (subject, reply, header lines, body) of the next message."""
        if self.waiting:
            return self.waiting.pop(0)
        while True:
            message = self.read()
            if message != "PONG":
                return message

    def read(self):
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("the server is gone")
            word, _, rest = line.strip().partition(b" ")
            if word == b"PING":
                self.sock.sendall(b"PONG\r\n")
            elif word == b"PONG":
                return "PONG"
            elif word == b"-ERR":
                raise ConnectionError(line.decode())
            elif word in (b"MSG", b"HMSG"):
                return self.message(word, rest.split())

    def message(self, word, fields):
        headers = 0
        if word == b"HMSG":
            headers = int(fields.pop(-2))
        total = int(fields[-1])
        data = self.file.read(total + 2)
        if len(data) < total + 2:
            raise ConnectionError("the server is gone")
        reply = fields[2].decode() if len(fields) == 4 else ""
        lines = data[:headers].decode().split("\r\n")[:-2] if headers else []
        return fields[0].decode(), reply, lines, data[headers:total]

    def request(self, subject, body=b"", headers=()):
        """Sends a request and gives the body of its answer, or None where nobody answers."""
        self.sids += 1
        inbox = "%s.%d" % (self.inbox, self.sids)
        self.sock.sendall(b"SUB %s %d\r\nUNSUB %d 1\r\n" % (inbox.encode(), self.sids, self.sids))
        self.publish(subject, body, headers, inbox)
        while True:
            to, _, lines, answer = self.read_message()
            if to == inbox:
                return None if lines and " 503" in lines[0] else answer

    def read_message(self):
        while True:
            message = self.read()
            if message != "PONG":
                return message
