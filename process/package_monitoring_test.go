package process

import (
	"path/filepath"
	"testing"
)

// packageMonitoring holds that the packages have what Prometheus and Grafana need, as it is tested here.
func packageMonitoring(t *testing.T, p packages) {
	inDeb, inRPM := output(t, "dpkg-deb", "-c", p.deb), output(t, "rpm", "-qplv", p.rpm)
	root := unpacked(t, p)
	for _, name := range []string{"prometheus-alerts.yml", "prometheus-scrape.yml", "grafana-dashboard.json"} {
		holdsFile(t, "the deb", inDeb, "-rw-r--r-- usr/share/fedmsg/"+name)
		holdsFile(t, "the rpm", inRPM, "-rw-r--r-- usr/share/fedmsg/"+name)
		if readFile(t, filepath.Join(root, "usr/share/fedmsg", name)) != readFile(t, monitoring+name) {
			t.Errorf("the package has another %s", name)
		}
	}
}
