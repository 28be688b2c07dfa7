# The bus of a distribution whose services are in many hands: publishers are found by DNS, keys are OpenPGP.
import os

try:
    import simplejson as json
except ImportError:
    import json

config = dict(
    topic_prefix='org.debian',
    environment=os.environ.get('FEDMSG_ENVIRONMENT_OF_OLD', 'production'),
    topic_prefix_re=r'org\.debian\.(dev|stg|production)',
    endpoints={},
    srv_endpoints=['debian.example', "bts.debian.example"],
    print_config=False,
    mute=False,
    name='hub.example',
)
