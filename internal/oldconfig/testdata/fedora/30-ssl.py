from os import path
import socket

ssldir = '/etc/pki/fedmsg'
config = dict(
    sign_messages=True,
    validate_signatures=True,
    ssldir=ssldir,
    ca_cert_location=path.join(ssldir, 'ca.crt'),
    crl_location=path.join(ssldir, 'crl.pem'),
    certnames={
        'signing_relay': 'shell-busgateway01.dc.example.org',
        'shell.' + socket.gethostname(): 'shell-' + socket.getfqdn(),
    },
)
