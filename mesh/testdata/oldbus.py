"""The old bus as the tests meet it: a publisher with a store, its replay server, and a client of one, on libzmq.

Each is a process of its own that takes commands as lines of JSON and answers each with one line.
It does what SPEC sections 10 and 11 say that the old programs did, their faults included.
"""

import json
import sqlite3
import sys

import zmq

context = zmq.Context()


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def store(path):
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=OFF")
    db.execute("CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT, time INTEGER, msg TEXT)")
    return db


def publish(path, uri):
    """Stores each message, and sends it unless told to lose it."""
    db = store(path)
    socket = context.socket(zmq.XPUB)
    socket.sndhwm = 0
    socket.linger = 5000
    socket.bind(uri)
    say(uri=socket.last_endpoint.decode())
    for line in sys.stdin:
        command = json.loads(line)
        if "wait" in command:
            for _ in range(command["wait"]):
                while not socket.recv().startswith(b"\x01"):
                    pass
        if "frames" in command:
            socket.send_multipart([bytes.fromhex(f) for f in command["frames"]])
        lose = command.get("lose", False)
        db.execute("BEGIN")
        ready = []
        for _ in range(command.get("count", 0)):
            row = db.execute("INSERT INTO messages (msg) VALUES ('')").lastrowid
            topic = "org.example.dev.old.t%d" % (row % 3)
            message = {"i": row, "msg": {"n": row}, "msg_id": "2023-%036d" % (command.get("run", 0) * 10**9 + row),
                       "timestamp": 1700000000 + row, "topic": topic, "username": "u", "seq_id": row}
            if not command.get("numbers", True):
                del message["seq_id"]
            db.execute("UPDATE messages SET uuid = ?, time = ?, msg = ? WHERE seq = ?",
                       (message["msg_id"], message["timestamp"], json.dumps(message), row))
            if not lose:
                ready.append((topic, message))
        db.execute("COMMIT")
        for topic, message in ready:
            socket.send_multipart([topic.encode(), json.dumps(message, sort_keys=True, separators=(",", ":")).encode()])
        say(ok=True)
    socket.close()
    context.term()


def answer(db, query, mended):
    """What the old store did; an error of its own is sent, any other ends the process, as it did there."""
    wanted, values = [], []
    for key, value in query.items():
        if key in ("seq_ids", "msg_ids"):
            if not isinstance(value, list):
                raise ValueError('Something went wrong when processing the field "%s"' % key)
            column = "seq" if key == "seq_ids" else "uuid"
            wanted.append("%s IN (SELECT value FROM json_each(?))" % column)
            values.append(json.dumps(value))
        elif key in ("seq_id", "msg_id"):
            wanted.append("%s = ?" % ("seq" if key == "seq_id" else "uuid"))
            values.append(value)
        elif key == "seq_id_range":
            if not isinstance(value, list) or len(value) != 2:
                raise ValueError('Ill-format "sed_id_range" field')
            if not mended:
                raise ValueError('Something went wrong when processing the field "seq_id_range"')
            wanted.append("seq BETWEEN ? AND ?")
            values.extend(value)
        elif key == "time":
            if not isinstance(value, list) or len(value) != 2:
                raise ValueError('Ill-format "time" field')
            wanted.append("time BETWEEN ? AND ?")
            values.extend(value)
        else:
            raise ValueError('Unsupported field: "key"')
    rows = db.execute("SELECT msg FROM messages WHERE " + (" OR ".join(wanted) or "1") + " ORDER BY seq", values).fetchall()
    if not rows:
        raise ValueError("There was no match for the given query")
    return [json.dumps(json.loads(row[0]), sort_keys=True, separators=(",", ":")) for row in rows]


def replay(path, uri, mended):
    db = store(path)
    socket = context.socket(zmq.REP)
    socket.bind(uri)
    say(uri=socket.last_endpoint.decode())
    while True:
        query = json.loads(socket.recv().decode())
        try:
            frames = answer(db, query, mended == "mended")
        except ValueError as e:
            frames = ["error: '%s'" % e]
        socket.send_multipart([f.encode() for f in frames])


def recorded(path, uri):
    """Gives the answers that were recorded of the old server, and nothing else."""
    with open(path) as f:
        cases = {c["query"]: c["frames_text"] for c in json.load(f)["cases"]}
    socket = context.socket(zmq.REP)
    socket.bind(uri)
    say(uri=socket.last_endpoint.decode())
    while True:
        frames = cases[socket.recv().decode()]
        socket.send_multipart([f.encode() for f in frames])


def ask(uri):
    """Asks as the old client did: each line is a request, sent as it stands."""
    socket = context.socket(zmq.REQ)
    socket.connect(uri)
    say(ok=True)
    for line in sys.stdin:
        socket.send(json.loads(line)["ask"].encode())
        say(frames=[f.decode() for f in socket.recv_multipart()])


def listen(*uris):
    """Prints how many messages came, in answer to each command {"count": N} which waits for so many more."""
    socket = context.socket(zmq.SUB)
    socket.rcvhwm = 0
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    for uri in uris:
        socket.connect(uri)
    say(ok=True)
    for line in sys.stdin:
        say(messages=[[f.decode() for f in socket.recv_multipart()] for _ in range(json.loads(line)["count"])])


globals()[sys.argv[1]](*sys.argv[2:])
