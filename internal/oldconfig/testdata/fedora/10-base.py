config = {
    'topic_prefix': 'org.fedoraproject',
    'environment': 'prod',
    'zmq_enabled': True,
    'zmq_strict': False,
    'status_directory': '/var/run/fedmsg/status',
    'datagrepper_url': 'https://apps.example.org/datagrepper/raw',
    'skip_last_message': False,
    'persistent_store': None,
    'active': True,
    'cert_prefix': 'shell',
}
