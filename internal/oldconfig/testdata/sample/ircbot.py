config = dict(
    irc=[
        dict(
            network='irc.example.org',
            port=6667,
            nickname='bus-%s' % 'dev',
            channel='our-bus',
            timeout=120,
            make_pretty=True,
            make_terse=True,
            filters=dict(
                topic=['\.git\.receive$', 'bodhi\.(buildroot|update)\.'],
                body=['lubuntu|xubuntu'],
            ),
        ),
    ],
    irc_color_lookup={
        "git": "light blue",
        "bodhi": "green",
    },
    irc_default_color='light grey',
    irc_method='notice',
)
