package httpapi

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestDatagrepperRoutes asks every route of the old archive, with and without a slash behind it, as several readers.
func TestDatagrepperRoutes(t *testing.T) {
	e := startEdge(t, func(c *Config, d *Deps) {
		c.InsecurePlainHTTP = true
		c.Listen = []string{"http://0.0.0.0:1?fd=wide"}
		d.Listeners = map[string]net.Listener{"wide": remoteListener{mustListen(t)}}
		withArchive(t, d, [2]string{"open.org.dev.git.push", `{"n":1}`}, [2]string{"secret.org.dev.git.push", `{"n":2}`})
	})
	for _, slash := range []string{"", "/"} {
		for path, want := range map[string]string{
			"/raw": `"raw_messages":[{"topic":"open`, "/v2/search": `"topic":"open.org.dev.git.push"}],"total":1}`, "/id?id=m/1": `{"topic":"open`, "/v2/id?id=m/1": `"id":"m/1"`, "/messagecount": `{"messagecount":1}`,
		} {
			path, query, _ := strings.Cut(path, "?")
			address := "http://localhost" + path + slash + "?" + query
			for _, method := range []string{"GET", "HEAD"} {
				status, body, header := ask(t, e.client("http"), method, address, "", "Authorization", "Bearer opener")
				if status != 200 || header.Get("Content-Type") != "application/json" || method == "GET" && (!strings.Contains(body, want) || strings.Contains(body, "secret")) {
					t.Errorf("%s %s: %d %s", method, address, status, body)
				}
			}
			if status, body, header := ask(t, e.client("http"), "POST", address, "{}", "Authorization", "Bearer opener"); status != http.StatusMethodNotAllowed || header.Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("POST %s: %d %s, %s", address, status, body, header.Get("Allow"))
			}
			for token, want := range map[string]int{"wrong": 401, "writer": 403} {
				if status, body, _ := ask(t, e.client("http"), "GET", address, "", "Authorization", "Bearer "+token); status != want {
					t.Errorf("%s as %s: %d %s, want %d", address, token, status, body, want)
				}
			}
		}
	}
	for _, path := range []string{"/raw/x", "/id/m/1", "/v2", "/v2/raw"} {
		if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost"+path, "", "Authorization", "Bearer opener"); status != 404 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	script := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Authorization", "Bearer opener"}
	if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/raw?callback=f", "", script...); status != 403 || strings.Contains(body, "topic") {
		t.Errorf("a script of another site: %d %s", status, body)
	}
}

// TestDatagrepperUnavailable holds what is answered while there is no archive, and while it cannot be asked.
func TestDatagrepperUnavailable(t *testing.T) {
	for want, change := range map[string]func(*Config, *Deps){
		"404 this node keeps no archive": nil,
		"503 the disk has a fault": func(_ *Config, d *Deps) {
			withArchive(t, d).err = fedmsg.WrapError(fedmsg.CodeUnavailable, errors.New("inside"), "the disk has a fault")
		},
	} {
		e := startEdge(t, change)
		for _, path := range []string{"/raw", "/id?id=x", "/messagecount"} {
			status, body, _ := ask(t, e.client("http"), "GET", "http://localhost"+path, "")
			if code, text, _ := strings.Cut(want, " "); strconv.Itoa(status) != code || !strings.Contains(body, text) || strings.Contains(body, "inside") {
				t.Errorf("%s: %d %s, want %s", path, status, body, want)
			}
		}
	}
}
