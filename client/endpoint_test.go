package client

import (
	"slices"
	"testing"
)

// TestEndpointsInOrder: a client looks where a node listens that was started without a configuration.
func TestEndpointsInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"session":              {map[string]string{"HOME": "/home/u", "XDG_RUNTIME_DIR": "/run/user/7"}, []string{"unix:///run/user/7/fedmsg.sock", "unix:///run/fedmsg/fedmsg.sock", httpDefault}},
		"no session":           {map[string]string{"HOME": "/home/u"}, []string{"unix:///home/u/.local/state/fedmsg/fedmsg.sock", "unix:///run/fedmsg/fedmsg.sock", httpDefault}},
		"no session, own home": {map[string]string{"HOME": "/home/u", "XDG_STATE_HOME": "/st"}, []string{"unix:///st/fedmsg/fedmsg.sock", "unix:///run/fedmsg/fedmsg.sock", httpDefault}},
		"no home":              {nil, []string{"unix:///run/fedmsg/fedmsg.sock", httpDefault}},
		"a unit of a node":     {map[string]string{"RUNTIME_DIRECTORY": "/run/a", "STATE_DIRECTORY": "/var/lib/a"}, []string{"unix:///run/fedmsg/fedmsg.sock", httpDefault}},
		"named":                {map[string]string{"FEDMSG_NODE": "unix:///n", "XDG_RUNTIME_DIR": "/run/user/7"}, []string{"unix:///n"}},
	} {
		all, err := endpoints("", func(key string) string { return c.env[key] })
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, e := range all {
			got = append(got, e.uri)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
