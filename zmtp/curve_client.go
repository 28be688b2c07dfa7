package zmtp

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The lengths of what is in the commands of RFC 26, behind their names.
const (
	helloSize      = 2 + 72 + 32 + 8 + 64 + boxOverhead
	cookieSize     = 16 + 32 + 32 + boxOverhead
	welcomePlain   = 32 + cookieSize
	welcomeSize    = 16 + welcomePlain + boxOverhead
	vouchSize      = 16 + 32 + 32 + boxOverhead
	initiatePlain  = 32 + vouchSize // and the metadata
	initiateHeader = cookieSize + 8
)

// The counters of a connection start with the handshake: HELLO has 1, INITIATE 2, and READY 1, since each side counts its own.
const (
	helloCounter    = 1
	initiateCounter = 2
	readyCounter    = 1
)

// errNoCurveKeys is what a side finds out that was given none.
var errNoCurveKeys = errors.New("CURVE needs a key pair; NewCurvePair makes one")

// shake makes the client's part.
func (c CurveClient) shake(x exchange) (shaken, error) {
	if !c.Keys.whole() {
		return shaken{}, errNoCurveKeys
	}
	own, err := newShortTerm()
	if err != nil {
		return shaken{}, err
	}
	defer own.wipe()
	cookie, server, err := c.greet(x.io, own)
	if err != nil {
		return shaken{}, err
	}
	session, err := sharedKey(&own.secret, server)
	if err != nil {
		return shaken{}, protocolError("the CURVE server's short-term key: %v", err)
	}
	defer wipe(session)
	initiate, err := c.initiate(own, cookie, server, session, x.metadata)
	if err != nil {
		return shaken{}, err
	}
	if err := x.io.writeCommand("INITIATE", initiate); err != nil {
		return shaken{}, err
	}
	metadata, counter, err := readReady(x.io, session)
	if err != nil {
		return shaken{}, err
	}
	return shaken{
		metadata: metadata, key: c.ServerKey[:],
		cipher: newCurveCipher(session, curveFromClient, initiateCounter, curveFromServer, counter),
	}, nil
}

// greet says HELLO and takes the WELCOME apart.
func (c CurveClient) greet(with commandIO, own *shortTerm) (cookie, server []byte, err error) {
	key, err := sharedKey(&own.secret, c.ServerKey[:])
	if err != nil {
		return nil, nil, fmt.Errorf("the CURVE server's key that is configured: %w", err)
	}
	defer wipe(key)
	hello := make([]byte, 2+72, helloSize)
	hello[0] = 1 // version 1.0; then room, so that the WELCOME is no longer than this
	hello = append(hello, own.public[:]...)
	hello = binary.BigEndian.AppendUint64(hello, helloCounter)
	hello = key.seal(hello, shortNonce("CurveZMQHELLO---", helloCounter), make([]byte, 64))
	if err := with.writeCommand("HELLO", hello); err != nil {
		return nil, nil, err
	}
	welcome, err := expectCommand(with, "WELCOME")
	if errors.Is(err, io.EOF) { // all that a server may tell whoever cannot prove to know its key
		return nil, nil, fmt.Errorf("the server hung up in the CURVE handshake; it may have another key than is configured: %w", err)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(welcome) != welcomeSize {
		return nil, nil, protocolError("a CURVE WELCOME of %d bytes, not %d", len(welcome), welcomeSize)
	}
	plain, ok := key.open(longNonce("WELCOME-", welcome[:16]), welcome[16:])
	if !ok {
		return nil, nil, protocolError("cannot open the CURVE WELCOME; the server has another key than is configured")
	}
	return plain[32:], plain[:32], nil
}

// initiate makes the INITIATE command: the cookie back, who this is, and that the short-term key is its own.
func (c CurveClient) initiate(own *shortTerm, cookie, server []byte, session *boxKey, metadata []byte) ([]byte, error) {
	key, err := sharedKey(c.Keys.Secret.key(), server)
	if err != nil {
		return nil, protocolError("the CURVE server's short-term key: %v", err)
	}
	defer wipe(key)
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	plain := make([]byte, 0, initiatePlain+len(metadata))
	plain = append(plain, c.Keys.Public[:]...)
	plain = append(plain, random[:]...)
	vouched := append(own.public[:len(own.public):len(own.public)], c.ServerKey[:]...)
	plain = key.seal(plain, longNonce("VOUCH---", random[:]), vouched)
	plain = append(plain, metadata...)

	body := make([]byte, 0, initiateHeader+len(plain)+boxOverhead)
	body = append(body, cookie...)
	body = binary.BigEndian.AppendUint64(body, initiateCounter)
	return session.seal(body, shortNonce("CurveZMQINITIATE", initiateCounter), plain), nil
}

// readReady gives the server's metadata, and where its counter stands.
func readReady(io commandIO, session *boxKey) (metadata []byte, counter uint64, err error) {
	body, err := expectCommand(io, "READY")
	if err != nil {
		return nil, 0, err
	}
	if len(body) < 8+boxOverhead {
		return nil, 0, protocolError("a CURVE READY of %d bytes, which is too short", len(body))
	}
	counter = binary.BigEndian.Uint64(body)
	metadata, ok := session.open(shortNonce("CurveZMQREADY---", counter), body[8:])
	if !ok {
		return nil, 0, protocolError("cannot open the CURVE READY")
	}
	return metadata, counter, nil
}

// expectCommand reads a command, which must be the one that is named.
func expectCommand(io commandIO, want string) ([]byte, error) {
	name, body, err := io.readCommand()
	if err != nil {
		return nil, err
	}
	if name != want {
		return nil, protocolError("the peer sent the command %s where %s is due", quote(name), want)
	}
	return body, nil
}
