package process

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// canaries are secrets, by name, and the texts of which none may be seen anywhere: lines of PEM, and the secret bytes in the
// ways in which a log line, a dump of a value or the trace of a crash would show them.
type canaries map[string][]string

// pem adds the lines of a file that belong to no other.
func (c canaries) pem(name string, text []byte) {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); len(line) >= 24 && !strings.HasPrefix(line, "-----") {
			c[name] = append(c[name], line)
		}
	}
}

// raw adds secret bytes: whole in hexadecimal, base64 and as Go prints a slice, and each eight of them as the word that a trace
// of the stack shows.
func (c canaries) raw(name string, secret []byte) {
	all := []string{hex.EncodeToString(secret), base64.RawStdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret), string(secret)}
	all = append(all, strings.Trim(fmt.Sprint(secret), "[]"))
	for i := 0; i+8 <= len(secret); i += 8 {
		for _, word := range []uint64{binary.LittleEndian.Uint64(secret[i:]), binary.BigEndian.Uint64(secret[i:])} {
			all = append(all, fmt.Sprintf("%x", word), fmt.Sprintf("%d", word))
		}
	}
	c[name] = append(c[name], all...)
}

// key adds a private key: its file, and what is secret in it.
func (c canaries) key(t *testing.T, name string, text []byte) {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s is no PEM", name)
	}
	c.pem(name, text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatalf("%s: %s", name, err)
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		c.raw(name, key.Seed())
	case *rsa.PrivateKey:
		for _, n := range append(key.Primes, key.D) {
			c.raw(name, n.Bytes())
			c[name] = append(c[name], n.String())
		}
	default:
		t.Fatalf("%s is a %T", name, key)
	}
}

// found lists the secrets that text shows, of which part says where it was seen. What was found is not shown again.
func (c canaries) found(where, text string) (faults []string) {
	upper := strings.ToUpper(text)
	for name, needles := range c {
		for i, needle := range needles {
			if strings.Contains(text, needle) || strings.Contains(upper, strings.ToUpper(needle)) && len(needle) > 15 {
				faults = append(faults, fmt.Sprintf("%s shows %s (form %d of it)", where, name, i))
				break
			}
		}
	}
	return faults
}

// TestCanariesSing holds that every form of a secret is found, or else the test below would find nothing for ever.
func TestCanariesSing(t *testing.T) {
	t.Parallel()
	_, seed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := pkcs8(t, seed)
	c := canaries{}
	c.key(t, "the key", text)
	c["a token"] = []string{"fedmsg_abcdefghijklmnop"}
	word := binary.LittleEndian.Uint64(seed[8:])
	lines := strings.Split(string(text), "\n")
	for _, leak := range []string{
		string(text), lines[1], fmt.Sprintf("%x", seed.Seed()), fmt.Sprintf("%X", seed), fmt.Sprint(seed), fmt.Sprintf("%v", struct{ K []byte }{seed}),
		base64.StdEncoding.EncodeToString(seed.Seed()), string(seed), fmt.Sprintf("main.f({0x%x, 0x1})", word), "Authorization: Bearer fedmsg_abcdefghijklmnop",
	} {
		if len(c.found("it", "before "+leak+" behind")) == 0 {
			t.Errorf("not found: %q", leak)
		}
	}
	if faults := c.found("it", fmt.Sprintf("%x %s", seed.Public(), lines[0])); len(faults) > 0 {
		t.Errorf("found in what is public: %q", faults)
	}
}

// pkcs8 is a private key as a file.
func pkcs8(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// secretNode is a node with a secret of every kind, and what it was seen to say.
type secretNode struct {
	trustNode
	kit      *trustKit
	canaries canaries
	token    string
	curve    string // file
	x509Key  string // file
	pgpKey   string // file
	seen     map[string]string
}

// TestSecretsAppearNowhere puts a node with keys, tokens and an authority through success and failure, ends it by the signals
// that print all its stacks, and looks for every secret in all that came out.
func TestSecretsAppearNowhere(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := newSecretNode(t)
			s.publishAll(t)
			s.askAll(t)
			s.commands(t)
			crash(t, s.Node, sig)
			s.refusedKeys(t)
			s.seen["the log of the node"] = s.Logs()
			if !strings.Contains(s.Logs(), "goroutine ") || !strings.Contains(s.Logs(), "DEBUG ") {
				t.Errorf("the log has no stacks or nothing of level debug, so that it proves nothing")
			}
			for where, text := range s.seen {
				for _, fault := range s.canaries.found(where, text) {
					t.Error(fault)
				}
			}
		})
	}
}

func newSecretNode(t *testing.T) *secretNode {
	t.Helper()
	s := &secretNode{kit: newTrustKit(t), canaries: canaries{}, seen: map[string]string{}}
	old := s.kit.keys["rsa"]
	s.x509Key = s.kit.path("old.key")
	text := pkcs8(t, old)
	if err := os.WriteFile(s.x509Key, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.canaries.key(t, "the key of the old form", text)
	s.kit.write(t, "old.crt", "CERTIFICATE", s.kit.certs[fmt.Sprintf("good-%T", old)])
	client := zmtp.NewCurvePair()
	s.trustNode = s.kit.startNode(t, doorsOf{
		config: fmt.Sprintf("log_level = \"debug\"\nsign = [\"x509\", \"dsse\"]\n[[zeromq_client]]\nname = \"reader\"\nkey = %q\ntopics = [\"#\"]\n", client.Public),
		env: []string{"FEDMSG_SIGNING_X509_KEY=" + s.x509Key, "FEDMSG_SIGNING_X509_CERTIFICATE=" + s.kit.path("old.crt"),
			"FEDMSG_ZEROMQ_PUBLISH=tcp://127.0.0.1:0?curve=yes"},
	})
	s.subscribe(t, client)
	s.addKeys(t, "the node's own key", filepath.Join(s.State, "keys"))
	s.pgpKey = s.kit.path("secret.asc")
	if err := os.WriteFile(s.pgpKey, s.kit.secret, 0o600); err != nil {
		t.Fatal(err)
	}
	s.canaries.pem("the OpenPGP key", s.kit.secret)
	s.token = newToken(t, s.Node, "ci", "--publish", "#")
	s.canaries["the token"] = []string{s.token, strings.TrimPrefix(s.token, "fedmsg_")}
	return s
}

// subscribe has one read over CURVE, and others fail to.
func (s *secretNode) subscribe(t *testing.T, client zmtp.CurvePair) {
	t.Helper()
	s.curve = filepath.Join(s.State, "keys", "curve.key_secret")
	text, err := os.ReadFile(s.curve)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), `secret-key = "`)
	secret, _, _ := strings.Cut(after, `"`)
	own, err := zmtp.ParseCurveSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	s.canaries["the node's CURVE key"] = []string{secret, secret[:20], secret[20:]}
	raw := fromZ85(t, secret)
	if key, err := ecdh.X25519().NewPrivateKey(raw); err != nil || !bytes.Equal(key.PublicKey().Bytes(), publicBytes(own)) {
		t.Fatalf("these are not the bytes of the key: %v", err)
	}
	s.canaries.raw("the node's CURVE key", raw)
	uri := publishedOn(t, s.Node, "fedmsg2")[0]
	startSub(t, s.Node, uri, []string{""}, curve(own.Pair().Public.String(), client)...)
	startPeer(t, "SUB", uri, curve(own.Pair().Public.String(), zmtp.NewCurvePair())...)
	startPeer(t, "SUB", uri, curve(zmtp.NewCurvePair().Public.String(), client)...)
	startPeer(t, "SUB", uri)
}

func publicBytes(secret zmtp.CurveSecret) []byte { k := secret.Pair().Public; return k[:] }

// fromZ85 decodes what ZeroMQ writes keys in.
func fromZ85(t *testing.T, text string) (out []byte) {
	t.Helper()
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
	for len(text) >= 5 {
		var word uint32
		for _, c := range []byte(text[:5]) {
			word = word*85 + uint32(strings.IndexByte(digits, c))
		}
		out, text = binary.BigEndian.AppendUint32(out, word), text[5:]
	}
	if len(out) != 32 || len(text) > 0 {
		t.Fatalf("%d bytes", len(out))
	}
	return out
}

// publishAll publishes with the token, with a wrong one that has the right one in it, and every kind of bad signature.
func (s *secretNode) publishAll(t *testing.T) {
	t.Helper()
	var all [][]byte
	for i, r := range verdictTable(s.kit) {
		line, _ := s.kit.message(t, r, fmt.Sprintf("canary-%d", i))
		all = append(all, line)
	}
	for i, o := range postAll(t, http.DefaultClient, s.URL, s.token, all) {
		if o.Err != nil {
			s.seen[fmt.Sprintf("the refusal of message %d", i)] = o.Err.Error()
		}
	}
	for i, header := range []string{"Bearer " + s.token + "x", "Bearer " + s.token[:len(s.token)-1], "Basic " + s.token, s.token} {
		s.request(t, fmt.Sprintf("the answer to wrong credential %d", i), http.MethodPost, "/v1/messages?token="+s.token, header, string(all[0]))
	}
}

// askAll asks for everything that the node shows.
func (s *secretNode) askAll(t *testing.T) {
	t.Helper()
	for _, path := range []string{
		"/metrics", "/healthz", "/readyz", "/v1/log", "/v1/keys", "/v1/messages/canary-0", "/v1/receipts/canary-0", "/v1/messages/" + s.token, "/" + s.token,
	} {
		where := "the answer to GET " + strings.ReplaceAll(path, s.token, "TOKEN")
		s.request(t, where, http.MethodGet, path, "Bearer "+s.token, "")
		if strings.Contains(path, s.token) {
			delete(s.seen, where) // who puts a token there is told that there is no such thing; the node's log must not have it
			continue
		}
		s.socket(t, path)
	}
	for _, path := range []string{"/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline", "/debug/pprof/heap?debug=1"} {
		s.socket(t, path)
	}
}

// socket keeps what a route of the unix socket answers.
func (s *secretNode) socket(t *testing.T, path string) {
	t.Helper()
	_, body, err := s.Get(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	s.seen["the socket's answer to GET "+path] = string(body)
}

func (s *secretNode) request(t *testing.T, where, method, path, authorization, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	s.seen[where] = fmt.Sprint(resp.Status, resp.Header, string(answer))
}

// commands runs the verbs that have to do with secrets, right and wrong.
func (s *secretNode) commands(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	config, messages, mine := filepath.Join(dir, "node.toml"), filepath.Join(dir, "messages.jsonl"), filepath.Join(dir, "mine.key")
	for path, text := range map[string]string{
		config:   fmt.Sprintf("state = %q\nlog_level = \"debug\"\n[signing]\nx509_key = %q\n", s.State, s.x509Key),
		messages: fmt.Sprintf("{\"topic\":%q,\"msg\":%s}\n", bareTopic, gpgBody),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.good(t, "keys", "new", "--out", mine)
	s.addKeys(t, "the key of keys new", mine)
	other := filepath.Join(dir, "other")
	for _, args := range [][]string{
		{"config", "show", "--config", config}, {"config", "show", "--config", config, "--format", "json"}, {"config", "check", "--config", config},
		{"token", "ls", "--config", config}, {"keys", "show", "--state", s.State}, {"keys", "show", "--format", "json", mine}, {"keys", "show", "--pem", s.x509Key},
		{"sign", "--key", mine, messages}, {"sign", "--key", s.x509Key, "--certificate", s.kit.path("old.crt"), "--form", "x509", messages},
		{"sign", "--key", s.pgpKey, "--form", "gpg", messages},
		{"keys", "new", "--state", s.State}, {"keys", "import", mine, "--state", s.State},
	} {
		s.good(t, args...)
	}
	s.addKeys(t, "the node's own key", filepath.Join(s.State, "keys"))
	for _, path := range append(s.brokenKeys(t), mine, s.x509Key, s.pgpKey, s.curve) { // each where it does not belong, or damaged
		for _, args := range [][]string{
			{"keys", "show", path}, {"keys", "import", path, "--state", other}, {"keys", "new", "--out", path}, {"sign", "--key", path, path},
			{"sign", "--key", mine, path}, {"sign", "--key", path, "--form", "gpg", messages}, {"sign", "--key", mine, "--certificate", path, messages},
			{"verify", path}, {"verify", "--trust", path, messages}, {"trust", "explain", bareTopic, "bts", "--trust", path}, {"serve", "--config", path},
			{"publish", "--sign", path, "--topic", bareTopic, "--message", "x"},
		} {
			s.run(t, args...)
		}
	}
	s.authority(t, filepath.Join(dir, "ca"))
}

// authority has the node's machine be an authority, and asks it for what it refuses too.
func (s *secretNode) authority(t *testing.T, dir string) {
	t.Helper()
	s.good(t, "keys", "ca", "init", "--dir", dir, "--name", "The Authority")
	s.good(t, "keys", "ca", "issue", "--dir", dir, "app01.example.org")
	s.addKeys(t, "a key of keys ca", dir)
	s.run(t, "keys", "ca", "init", "--dir", dir, "--name", "The Authority") // again: refused
	s.good(t, "keys", "ca", "revoke", "--dir", dir, "app01.example.org")
	s.good(t, "keys", "ca", "crl", "--dir", dir)
	if n := len(s.canaries["a key of keys ca"]); n < 10 {
		t.Errorf("keys ca made files with %d lines of secrets", n)
	}
}

// addKeys adds every private key in a file or below a directory.
func (s *secretNode) addKeys(t *testing.T, name, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "PRIVATE KEY") {
			s.canaries.key(t, name, text)
		}
		return err
	})
	if err != nil || len(s.canaries[name]) == 0 {
		t.Fatalf("%s has no private key: %v", root, err)
	}
}

// brokenKeys makes files that are almost the key of the old form: open to others, cut off, damaged, of no kind.
func (s *secretNode) brokenKeys(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(s.x509Key)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"open":    {string(text), 0o644},
		"cut":     {string(text[:len(text)/2]), 0o600},
		"damaged": {strings.Replace(string(text), "\n", "\n????", 1), 0o600},
		"shifted": {strings.Replace(string(text), "PRIVATE KEY", "EC PRIVATE KEY", 2), 0o600},
		"certain": {strings.Replace(string(text), "PRIVATE KEY", "CERTIFICATE", 2), 0o600},
		"bare":    {strings.ReplaceAll(string(text), "-----", ""), 0o600},
	} {
		path := filepath.Join(dir, name+".pem")
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// good is run of a command that must succeed, or else its secrets were never at work.
func (s *secretNode) good(t *testing.T, args ...string) {
	t.Helper()
	if r := s.run(t, args...); r.Status != 0 {
		t.Errorf("fedmsg %v: %s", args, r)
	}
}

// run keeps what a command prints. Its status is not judged here.
func (s *secretNode) run(t *testing.T, args ...string) fedmsgtest.Result {
	t.Helper()
	r := s.CLI(t, nil, args...)
	s.seen["fedmsg "+strings.Join(args, " ")] += r.String()
	return r
}

// crash ends a node as the runtime ends a program that has gone wrong: all stacks are printed.
func crash(t *testing.T, n *fedmsgtest.Node, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(n.PID(), sig); err != nil {
		t.Fatal(err)
	}
	if status, err := n.Ended(); err != nil || status == 0 {
		t.Fatalf("the node ended with status %d: %v", status, err)
	}
}

// refusedKeys starts the node on keys that it must refuse: open to others, and broken.
func (s *secretNode) refusedKeys(t *testing.T) {
	t.Helper()
	for _, path := range s.brokenKeys(t) {
		cmd := s.Command(nil, "serve", "--log-level", "debug", "--state", filepath.Join(filepath.Dir(s.Socket), "state-"+filepath.Base(path)))
		cmd.Env = append(cmd.Env, "FEDMSG_SIGN=x509,dsse", "FEDMSG_SIGNING_X509_KEY="+path, "FEDMSG_SIGNING_X509_CERTIFICATE="+s.kit.path("old.crt"),
			"FEDMSG_HTTP_LISTEN=http://127.0.0.1:0", "FEDMSG_ZEROMQ_PUBLISH=", "FEDMSG_HTTP_SOCKET=unix://"+filepath.Join(filepath.Dir(s.Socket), "broken"))
		r, err := cmd.Run()
		if err != nil || r.Status == 0 {
			t.Errorf("a node starts with the key %s: %v %s", filepath.Base(path), err, r)
		}
		s.seen["fedmsg serve with the key "+filepath.Base(path)] = r.String()
	}
}
