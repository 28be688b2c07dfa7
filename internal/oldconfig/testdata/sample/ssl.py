import os
import socket

SEP = os.path.sep
here = os.getcwd()

config = dict(
    sign_messages=False,
    validate_signatures=False,

    # Places on the web are fetched by https.
    ca_cert_location='https://certs.example.org/ca.crt',
    crl_location='https://certs.example.org/crl.pem',
    crypto_backend='x509',
    crypto_validate_backends=['x509'],
    ssldir='/etc/pki/fedmsg',
    ca_cert_cache_expiry=0,
    crl_cache='/var/cache/fedmsg/crl.pem',
    crl_cache_expiry=10,

    certnames=dict([
        ("%s.%s" % (service, hostname), "%s-%s.example.org" % (service, hostname))
        for service in ('shell', 'bodhi', 'mediawiki')
        for hostname in [socket.gethostname().split('.', 1)[0]]
    ]),
)
