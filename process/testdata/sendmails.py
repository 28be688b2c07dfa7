# Sends the mails of files to a recipient, by LMTP to the path of a socket or to lmtp://HOST:PORT, or by SMTP to HOST:PORT, each file in
# one mail.
import re
import smtplib
import sys

address, recipient, files = sys.argv[1], sys.argv[2], sys.argv[3:]
if address.startswith("/"):
    server = smtplib.LMTP(address)
else:
    host, port = address.removeprefix("lmtp://").rsplit(":", 1)
    kind = smtplib.LMTP if address.startswith("lmtp://") else smtplib.SMTP
    server = kind(host, int(port))
for name in files:
    with open(name, "rb") as file:
        mail = re.sub(rb"\r?\n", b"\r\n", file.read())
    refused = server.sendmail("", [recipient], mail)
    if refused:
        sys.exit(f"{name}: {refused}")
server.quit()
print(len(files), "mails taken")
