package zmtp

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// commandPipe is one end of a handshake in memory. What the other end sends can be changed on its way.
type commandPipe struct {
	in, out chan namedCommand
	change  func(name string, body []byte) []byte
	sent    []namedCommand
}

type namedCommand struct {
	name string
	body []byte
}

func (p *commandPipe) readCommand() (string, []byte, error) {
	c, ok := <-p.in
	if !ok {
		return "", nil, io.EOF
	}
	if c.name == "ERROR" { // as Conn does
		return "", nil, refused("the peer says %s", c.body[1:])
	}
	return c.name, c.body, nil
}

func (p *commandPipe) writeCommand(name string, body []byte) error {
	body = bytes.Clone(body)
	p.sent = append(p.sent, namedCommand{name, bytes.Clone(body)})
	if p.change != nil {
		body = p.change(name, body)
	}
	p.out <- namedCommand{name, body}
	return nil
}

// curveEnd is what became of one end of a handshake.
type curveEnd struct {
	shaken
	err  error
	sent []namedCommand
}

// shakeHands makes a handshake between a client and a server. Either may be changed in what it sends.
func shakeHands(client, server Security, fromClient, fromServer func(string, []byte) []byte) (c, s curveEnd) {
	up, down := make(chan namedCommand, 4), make(chan namedCommand, 4)
	run := func(who Security, p *commandPipe, metadata string) (e curveEnd) {
		e.shaken, e.err = who.shake(exchange{io: p, metadata: []byte(metadata), peer: Peer{Address: "192.0.2.1:99"}})
		close(p.out)
		e.sent = p.sent
		return e
	}
	done := make(chan curveEnd)
	go func() { done <- run(client, &commandPipe{in: down, out: up, change: fromClient}, "of the client") }()
	s = run(server, &commandPipe{in: up, out: down, change: fromServer}, "of the server")
	return <-done, s
}

// curveSides makes a client, and a server that takes it for alice.
func curveSides() (CurveClient, CurveServer) {
	clientKeys, serverKeys := NewCurvePair(), NewCurvePair()
	server := CurveServer{Keys: serverKeys, Authorise: func(from Peer, key CurveKey) (string, error) {
		if key != clientKeys.Public || !bytes.Equal(from.Key, key[:]) || from.Address == "" {
			return "", errors.New("a stranger")
		}
		return "alice", nil
	}}
	return CurveClient{Keys: clientKeys, ServerKey: serverKeys.Public}, server
}

func TestCurveHandshake(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	c, s := shakeHands(client, server, nil, nil)
	if c.err != nil || s.err != nil {
		t.Fatalf("client: %v, server: %v", c.err, s.err)
	}
	if string(c.metadata) != "of the server" || string(s.metadata) != "of the client" {
		t.Errorf("metadata: %q, %q", c.metadata, s.metadata)
	}
	if s.user != "alice" || !bytes.Equal(s.key, client.Keys.Public[:]) || !bytes.Equal(c.key, server.Keys.Public[:]) {
		t.Errorf("user %q, keys %x and %x", s.user, s.key, c.key)
	}
	for _, command := range append(c.sent, s.sent...) {
		if bytes.Contains(command.body, []byte("of the ")) || bytes.Contains(command.body, client.Keys.Public[:]) {
			t.Errorf("%s shows the metadata or the client's key", command.name)
		}
	}
	for i, pair := range [][2]cipher{{c.cipher, s.cipher}, {s.cipher, c.cipher}} {
		got := openAll(t, pair[1], pair[0].seal(nil, AppendMessage(nil, []byte("topic"), make([]byte, 300), nil)))
		got = append(got, openAll(t, pair[1], pair[0].seal(nil, appendCommand(nil, "PING", []byte("x"))))...)
		want := []boxedFrame{{flagMore, "topic"}, {flagMore, string(make([]byte, 300))}, {0, ""}, {flagCommand, "\x04PINGx"}}
		if !slices.Equal(got, want) {
			t.Errorf("direction %d: %q", i, got)
		}
	}
}

// boxedFrame is a frame that was opened.
type boxedFrame struct {
	flags byte
	body  string
}

// openAll opens all frames of a stream.
func openAll(t *testing.T, c cipher, stream []byte) (frames []boxedFrame) {
	t.Helper()
	for len(stream) > 0 {
		flags, body, rest := splitFrame(stream)
		if flags&^flagLong != 0 {
			t.Errorf("the frame of a box has the flags %#02x", flags)
		}
		flags, plain, err := c.open(body)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, boxedFrame{flags, string(plain)})
		stream = rest
	}
	return frames
}

// TestCurveFrameSizes opens what was sealed at all sizes around the borders of blocks and lengths.
func TestCurveFrameSizes(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	c, s := shakeHands(client, server, nil, nil)
	sizes := []int{1023, 1024, 1025, 65535, 1 << 20}
	for size := range 400 {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		body := bytes.Repeat([]byte{byte(size), 7, 9}, size)[:size]
		if got := openAll(t, s.cipher, c.cipher.seal(nil, AppendMessage(nil, body))); got[0].body != string(body) {
			t.Fatalf("a frame of %d bytes came back as another", size)
		}
	}
}

func TestCurveRefusesFrames(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	seal := func(c cipher, text string) []byte {
		_, body, _ := splitFrame(c.seal(nil, AppendMessage(nil, []byte(text))))
		return body
	}
	for name, test := range map[string]struct {
		make func(c, s cipher) []byte
		want string
	}{
		"replay": {func(c, s cipher) []byte {
			body := seal(c, "x")
			if _, _, err := s.open(bytes.Clone(body)); err != nil {
				t.Error(err)
			}
			return body
		}, "nonce 3 came behind 3"},
		"old": {func(c, s cipher) []byte {
			first, second := seal(c, "x"), seal(c, "y")
			for _, body := range [][]byte{bytes.Clone(first), second} {
				if _, _, err := s.open(body); err != nil {
					t.Error(err)
				}
			}
			return first
		}, "nonce 3 came behind 4"},
		"reflected":       {func(_, s cipher) []byte { return append(seal(s, "x"), 0) }, "nonce 2 came behind 2"},
		"reflected later": {func(_, s cipher) []byte { seal(s, "x"); return seal(s, "x") }, "cannot open"},
		"other nonce": {func(c, _ cipher) []byte {
			body := seal(c, "x")
			binary.BigEndian.PutUint64(body[8:], 99)
			return body
		}, "nonce 99 came behind 2"},
		"nonce of another": {func(c, _ cipher) []byte {
			seal(c, "x")
			body := seal(c, "x")
			binary.BigEndian.PutUint64(body[8:], 3)
			return body
		}, "cannot open"},
		"hole":         {func(c, _ cipher) []byte { seal(c, "x"); return seal(c, "x") }, "nonce 4 came behind 2"},
		"tag changed":  {func(c, _ cipher) []byte { b := seal(c, "x"); b[16]++; return b }, "cannot open"},
		"text changed": {func(c, _ cipher) []byte { b := seal(c, "x"); b[len(b)-1]++; return b }, "cannot open"},
		"flag changed": {func(c, _ cipher) []byte { b := seal(c, "x"); b[32] ^= 2; return b }, "cannot open"},
		"cut":          {func(c, _ cipher) []byte { b := seal(c, "xy"); return b[:len(b)-1] }, "cannot open"},
		"too short":    {func(c, _ cipher) []byte { return seal(c, "")[:32] }, "no CURVE MESSAGE"},
		"empty":        {func(_, _ cipher) []byte { return nil }, "no CURVE MESSAGE"},
		"in the clear": {func(_, _ cipher) []byte { return []byte("a message as it stands, longer than the header") }, "no CURVE MESSAGE"},
	} {
		c, s := shakeHands(client, server, nil, nil)
		_, plain, err := s.cipher.open(test.make(c.cipher, s.cipher))
		if plain != nil || !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
}

// flip changes one bit of a command of that name.
func flip(command string, at int) func(string, []byte) []byte {
	return func(name string, body []byte) []byte {
		if name == command {
			body[(at+len(body))%len(body)] ^= 1
		}
		return body
	}
}

func TestCurveRefusesHandshakes(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	other, _ := curveSides()
	low := func(at int, command string) func(string, []byte) []byte {
		return func(name string, body []byte) []byte {
			if name == command {
				clear(body[at : at+32])
			}
			return body
		}
	}
	wrongServer := client
	wrongServer.ServerKey = other.Keys.Public
	wrongSecret := client
	wrongSecret.Keys.Secret = other.Keys.Secret
	lowServer := client
	lowServer.ServerKey = CurveKey{}
	lowClient := client
	lowClient.Keys.Public = CurveKey{1} // another point of low order than zero
	noPublic := client
	noPublic.Keys.Public = CurveKey{}
	// The nonce of an INITIATE that is not behind that of HELLO: the client is right, but for the server's view of it.
	early := func(name string, body []byte) []byte {
		if name == "INITIATE" {
			binary.BigEndian.PutUint64(body[cookieSize:], 1)
		}
		return body
	}
	renamed := func(name string, body []byte) []byte { return append(body, 0) }
	for name, test := range map[string]struct {
		client                 CurveClient
		fromClient, fromServer func(string, []byte) []byte
		want                   string // of the side that notices; the other sees the end
	}{
		"wrong server key":        {wrongServer, nil, nil, "the client expects a server of another key"},
		"wrong secret":            {wrongSecret, nil, nil, "does not have the secret"},
		"no keys":                 {CurveClient{ServerKey: client.ServerKey}, nil, nil, "needs a key pair"},
		"no public key":           {noPublic, nil, nil, "needs a key pair"},
		"server key of low order": {lowServer, nil, nil, "low order"},
		"client key of low order": {lowClient, nil, nil, "low order"},
		"short key of low order":  {client, low(74, "HELLO"), nil, "low order"},
		"HELLO of version 2":      {client, flip("HELLO", 0), nil, "speaks CURVE 0.0"},
		"HELLO of version 1.1":    {client, flip("HELLO", 1), nil, "speaks CURVE 1.1"},
		"HELLO's key":             {client, flip("HELLO", 74), nil, "cannot open the CURVE HELLO"},
		"HELLO's nonce":           {client, flip("HELLO", 113), nil, "cannot open the CURVE HELLO"},
		"HELLO's box":             {client, flip("HELLO", -1), nil, "cannot open the CURVE HELLO"},
		"HELLO's length":          {client, renamed, nil, "a CURVE HELLO of 195 bytes"},
		"WELCOME's nonce":         {client, nil, flip("WELCOME", 0), "cannot open the CURVE WELCOME"},
		"WELCOME's box":           {client, nil, flip("WELCOME", -1), "cannot open the CURVE WELCOME"},
		"WELCOME's length":        {client, nil, renamed, "a CURVE WELCOME of 161 bytes"},
		"cookie's nonce":          {client, flip("INITIATE", 0), nil, "not of this connection"},
		"cookie":                  {client, flip("INITIATE", 20), nil, "not of this connection"},
		"INITIATE's early nonce":  {client, early, nil, "nonce of the CURVE INITIATE is 1 after 1"},
		"INITIATE's nonce":        {client, flip("INITIATE", 97), nil, "cannot open the CURVE INITIATE"},
		"INITIATE's box":          {client, flip("INITIATE", -1), nil, "cannot open the CURVE INITIATE"},
		"INITIATE cut": {client, func(name string, body []byte) []byte {
			if name == "INITIATE" {
				return body[:100]
			}
			return body
		}, nil, "a CURVE INITIATE of 100 bytes"},
		"READY's nonce": {client, nil, flip("READY", 0), "cannot open the CURVE READY"},
		"READY's box":   {client, nil, flip("READY", -1), "cannot open the CURVE READY"},
		"READY cut": {client, nil, func(name string, body []byte) []byte {
			if name == "READY" {
				return body[:20]
			}
			return body
		}, "a CURVE READY of 20 bytes"},
	} {
		c, s := shakeHands(test.client, server, test.fromClient, test.fromServer)
		if err := errors.Join(c.err, s.err); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if s.err == nil && !strings.Contains(name, "READY") {
			t.Errorf("%s: the server lets it in", name)
		}
		if c.err == nil {
			t.Errorf("%s: the client believes in it", name)
		}
	}
}

// TestCurveReplay shows the server a whole client that it has let in before.
func TestCurveReplay(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	c, _ := shakeHands(client, server, nil, nil)
	recorded := replay(c.sent)
	if _, s := shakeHands(recorded, server, nil, nil); s.err == nil || !strings.Contains(s.err.Error(), "not of this connection") {
		t.Errorf("a recorded client: %v", s.err)
	}
}

// replay is a client that says what another one said.
type replay []namedCommand

func (replay) mechanism() (string, bool) { return "CURVE", false }
func (r replay) shake(x exchange) (shaken, error) {
	for _, command := range r {
		if err := x.io.writeCommand(command.name, command.body); err != nil {
			return shaken{}, err
		}
		if _, _, err := x.io.readCommand(); err != nil {
			return shaken{}, err
		}
	}
	return shaken{}, nil
}

// TestCurveOtherCommands says something else than is due.
func TestCurveOtherCommands(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	own, err := newShortTerm()
	if err != nil {
		t.Fatal(err)
	}
	key, err := sharedKey(&own.secret, client.ServerKey[:])
	if err != nil {
		t.Fatal(err)
	}
	notZero := append([]byte{1, 0}, make([]byte, 72)...)
	notZero = append(append(notZero, own.public[:]...), 0, 0, 0, 0, 0, 0, 0, 1)
	notZero = key.seal(notZero, shortNonce("CurveZMQHELLO---", 1), append(make([]byte, 63), 1))
	for want, peer := range map[string]replay{
		`"INITIATE" where HELLO is due`: {{"INITIATE", nil}},
		"something else than zeros":     {{"HELLO", notZero}},
	} {
		if _, s := shakeHands(peer, server, nil, nil); s.err == nil || !strings.Contains(s.err.Error(), want) {
			t.Errorf("the server says %v, not %s", s.err, want)
		}
	}
	for name, want := range map[string]string{"READY": `"READY" where WELCOME is due`, "WELCOME": "a CURVE WELCOME of 0 bytes"} {
		if c, _ := shakeHands(client, replay{{name, nil}}, nil, nil); c.err == nil || !strings.Contains(c.err.Error(), want) {
			t.Errorf("the client says %v, not %s", c.err, want)
		}
	}
}

// TestCurveSameSides lets two servers meet, and two clients.
func TestCurveSameSides(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	for want, side := range map[string]Security{
		"both sides are the server of CURVE": server,
		`"HELLO" where WELCOME is due`:       client,
	} {
		ln := serve(t, "tcp://127.0.0.1:0", PULL, Options{Security: side}, func(*Conn) { t.Error("it was let in") })
		if _, err := Dial(t.Context(), ln.URI(), PUSH, Options{Security: side}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, not %s", err, want)
		}
	}
}

// TestCurveManyMessages writes more than is sealed at once, and lets it be received in pieces.
func TestCurveManyMessages(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	server.Authorise = func(Peer, CurveKey) (string, error) { return "anybody", nil }
	a, b := pair(t, PUSH, PULL, Options{Security: client}, Options{Security: server})
	const count = 2000
	var encoded []byte
	for n := range count {
		encoded = AppendMessage(encoded, binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, n))
	}
	written := make(chan error, 1)
	go func() { written <- a.Write(encoded) }()
	batch := make([]Incoming, 0, 10)
	for n := 0; n < count; {
		var err error
		if batch, err = b.Receive(batch[:0]); err != nil {
			t.Fatal(err)
		}
		for _, in := range batch {
			if m := in.Message; len(m) != 2 || binary.BigEndian.Uint32(m[0]) != uint32(n) || len(m[1]) != n {
				t.Fatalf("message %d is another", n)
			}
			n++
		}
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if cap(a.out.sealed) > keptSealed {
		t.Errorf("%d bytes are kept to seal into", cap(a.out.sealed))
	}
}

// TestCurveVouchOfAnother lets a client show the key and vouch of another one, as a server that it trusts could.
func TestCurveVouchOfAnother(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	for name, vouched := range map[string]func(own *shortTerm) []byte{
		"another connection": func(*shortTerm) []byte { return append(make([]byte, 32), server.Keys.Public[:]...) },
		"another server":     func(own *shortTerm) []byte { return append(own.public[:], make([]byte, 32)...) },
	} {
		_, s := shakeHands(voucher{client, vouched}, server, nil, nil)
		if s.err == nil || !strings.Contains(s.err.Error(), "vouch is for another") {
			t.Errorf("%s: %v", name, s.err)
		}
	}
}

// voucher is a client that vouches for something else than it should.
type voucher struct {
	CurveClient
	vouched func(own *shortTerm) []byte
}

func (v voucher) shake(x exchange) (shaken, error) {
	own, err := newShortTerm()
	if err != nil {
		return shaken{}, err
	}
	cookie, public, err := v.greet(x.io, own)
	if err != nil {
		return shaken{}, err
	}
	session, _ := sharedKey(&own.secret, public)
	long, _ := sharedKey(v.Keys.Secret.key(), public)
	nonce := randomNonce("VOUCH---")
	plain := append(v.Keys.Public[:], nonce[8:]...)
	plain = long.seal(plain, nonce, v.vouched(own))
	body := append(cookie, 0, 0, 0, 0, 0, 0, 0, 2)
	body = session.seal(body, shortNonce("CurveZMQINITIATE", 2), plain)
	if err := x.io.writeCommand("INITIATE", body); err != nil {
		return shaken{}, err
	}
	_, _, err = x.io.readCommand()
	return shaken{}, err
}

func TestCurveAuthoriser(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	stranger := client
	stranger.Keys = NewCurvePair()
	nobody := server
	nobody.Authorise = nil
	for name, sides := range map[string]struct {
		client CurveClient
		server CurveServer
		want   string
	}{
		"a stranger":    {stranger, server, "a stranger"},
		"no authoriser": {client, nobody, "lets nobody in"},
	} {
		c, s := shakeHands(sides.client, sides.server, nil, nil)
		if !errors.Is(s.err, ErrRefused) || !strings.Contains(s.err.Error(), sides.want) {
			t.Errorf("%s: the server says %v", name, s.err)
		}
		if !errors.Is(c.err, ErrRefused) || strings.Contains(c.err.Error(), sides.want) {
			t.Errorf("%s: the client says %v", name, c.err)
		}
	}
}

// TestCurveSecretIsNotShown prints a secret key in every way that programs print things.
func TestCurveSecretIsNotShown(t *testing.T) {
	t.Parallel()
	pair := NewCurvePair()
	type holder struct {
		Name  string
		pair  CurvePair
		Pairs []CurvePair
		Map   map[string]any
	}
	client := CurveClient{Keys: pair}
	values := []any{
		pair.Secret, &pair.Secret, pair, &pair, client, &client, CurveServer{Keys: pair}, Options{Security: client},
		holder{"x", pair, []CurvePair{pair}, map[string]any{"x": pair, "y": &pair.Secret}},
		fmt.Errorf("wrapped: %v", pair),
	}
	hidden := []string{
		pair.Secret.Reveal(), string(pair.Secret.key()[:]), fmt.Sprintf("%x", pair.Secret.key()[:8]),
		fmt.Sprintf("%X", pair.Secret.key()[:8]), strings.Trim(fmt.Sprint(pair.Secret.key()[:8]), "[]"),
		strings.Trim(fmt.Sprintf("%#v", pair.Secret.key()[:8]), "[]byte{}"),
	}
	check := func(how, text string) {
		for _, secret := range hidden {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows the secret", how)
			}
		}
	}
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%p", "%T", "%t"} {
			check(fmt.Sprintf("%s of a %T", verb, value), fmt.Sprintf(verb, value))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", value)
		check(fmt.Sprintf("a log of a %T", value), log.String())
		encoded, _ := json.Marshal(value)
		check(fmt.Sprintf("the JSON of a %T", value), string(encoded))
	}
	again, err := ParseCurveSecret(pair.Secret.Reveal())
	if err != nil || again.Pair().Public != pair.Public {
		t.Errorf("a stored key is another one: %v", err)
	}
	if (CurveSecret{}).Reveal() != "" || (CurveSecret{}).Pair().Public != (CurveKey{}) {
		t.Error("no key is some key")
	}
}

func BenchmarkCurveSeal(b *testing.B) { benchmarkCurve(b, false) }
func BenchmarkCurveOpen(b *testing.B) { benchmarkCurve(b, true) }

// benchmarkCurve seals messages of a topic of 60 bytes and 1 KiB, and opens them.
func benchmarkCurve(b *testing.B, open bool) {
	client, server := curveSides()
	c, s := shakeHands(client, server, nil, nil)
	if c.err != nil || s.err != nil {
		b.Fatal(c.err, s.err)
	}
	plain := AppendMessage(nil, make([]byte, 60), make([]byte, 1024))
	sealed := make([]byte, 0, 4096)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		if open {
			b.StopTimer()
		}
		sealed = c.cipher.seal(sealed[:0], plain)
		if !open {
			continue
		}
		b.StartTimer()
		for rest := sealed; len(rest) > 0; {
			var body []byte
			_, body, rest = splitFrame(rest)
			if _, _, err := s.cipher.open(body); err != nil {
				b.Fatal(err)
			}
		}
	}
}
