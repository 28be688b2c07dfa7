config = {
    'sign_messages': True,
    'validate_signatures': True,
    'crypto_backend': 'gpg',
    'crypto_validate_backends': ['gpg', 'x509'],
    'gpg_home': '/var/lib/fedmsg/gnupg',
    'gpg_signing_key': 'FBDA92E4338DFFD9',
    'gpg_keys': {'hub': 'FBDA92E4338DFFD9'},
    'ca_cert_location': '/etc/pki/debmsg/ca.crt',
    'crl_location': None,
}
