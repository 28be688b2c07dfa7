"""Judges an envelope as the old receivers did, with the system's openssl: oldvalidate.py CA ENVELOPE DIRECTORY

It parses the envelope, takes signature and certificate out, encodes the rest again in the old canonical form, and checks chain
and signature. It prints the subject of the signer, or ends with another status than 0.
"""
import base64
import json
import subprocess
import sys
import tempfile

message = json.loads(open(sys.argv[2], encoding="utf-8").read())
assert message["crypto"] == "x509"
signature = base64.b64decode(message.pop("signature"))
certificate = base64.b64decode(message.pop("certificate"))
signed = json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=True).encode()


def openssl(*args, text=None):
    return subprocess.run(["openssl", *args], input=text, check=True, stdout=subprocess.PIPE).stdout


def kept(data):
    f = tempfile.NamedTemporaryFile(delete=False, dir=sys.argv[3])
    f.write(data)
    f.close()
    return f.name


cert = kept(certificate)
openssl("verify", "-CAfile", sys.argv[1], "-auth_level", "0", cert)
key = kept(openssl("x509", "-in", cert, "-noout", "-pubkey"))
openssl("dgst", "-sha1", "-verify", key, "-signature", kept(signature), text=signed)
print(openssl("x509", "-in", cert, "-noout", "-subject").decode().strip())
