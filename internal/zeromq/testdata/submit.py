"""A submitter by libzmq: submit.py ENDPOINT [SERVERKEY PUBLIC SECRET]

Each line of standard input is the frames of a request in hex ("-" for an empty one); each line of output those of the reply.
"""
import sys

import zmq

context = zmq.Context()
req = context.socket(zmq.REQ)
req.setsockopt(zmq.IMMEDIATE, 1)
req.setsockopt(zmq.RCVTIMEO, 10000)
req.setsockopt(zmq.SNDTIMEO, 10000)
req.setsockopt(zmq.LINGER, 0)
if len(sys.argv) > 2:
    req.curve_serverkey, req.curve_publickey, req.curve_secretkey = (a.encode() for a in sys.argv[2:5])
req.connect(sys.argv[1])
for line in sys.stdin:
    req.send_multipart([b"" if w == "-" else bytes.fromhex(w) for w in line.split()])
    print(" ".join(f.hex() or "-" for f in req.recv_multipart()), flush=True)
