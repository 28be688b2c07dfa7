package zmtp

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// shake makes the server's part. Between WELCOME and INITIATE it holds nothing but the key of the cookie; what it will need
// of the client is in the cookie.
func (s CurveServer) shake(x exchange) (shaken, error) {
	if !s.Keys.whole() {
		return shaken{}, errNoCurveKeys
	}
	var cookieKey boxKey
	defer wipe(&cookieKey)
	_, _ = rand.Read(cookieKey[:]) // never fails
	counter, err := s.welcome(x.io, &cookieKey)
	if err != nil {
		return shaken{}, err
	}
	body, err := expectCommand(x.io, "INITIATE")
	if err != nil {
		return shaken{}, err
	}
	own, client, err := openCookie(body, &cookieKey)
	if err != nil {
		return shaken{}, err
	}
	defer own.wipe()
	session, err := sharedKey(&own.secret, client)
	if err != nil { // it was good in HELLO
		return shaken{}, protocolError("the CURVE client's short-term key: %v", err)
	}
	defer wipe(session)
	in, err := s.openInitiate(body[cookieSize:], counter, own, client, session)
	if err != nil {
		return shaken{}, err
	}
	user, err := s.authorise(x, in.key)
	if err != nil {
		return shaken{}, err
	}
	ready := binary.BigEndian.AppendUint64(nil, readyCounter)
	ready = session.seal(ready, shortNonce("CurveZMQREADY---", readyCounter), x.metadata)
	if err := x.io.writeCommand("READY", ready); err != nil {
		return shaken{}, err
	}
	return shaken{
		metadata: in.metadata, user: user, key: in.key[:],
		cipher: newCurveCipher(session, curveFromServer, readyCounter, curveFromClient, in.counter),
	}, nil
}

// welcome takes the HELLO apart and answers it; it gives where the client's counter stands.
func (s CurveServer) welcome(io commandIO, cookieKey *boxKey) (counter uint64, err error) {
	hello, err := expectCommand(io, "HELLO")
	if err != nil {
		return 0, err
	}
	if len(hello) != helloSize {
		return 0, protocolError("a CURVE HELLO of %d bytes, not %d", len(hello), helloSize)
	}
	if hello[0] != 1 || hello[1] != 0 {
		return 0, protocolError("the peer speaks CURVE %d.%d, this side 1.0", hello[0], hello[1])
	}
	client := hello[2+72:][:32]
	counter = binary.BigEndian.Uint64(hello[2+72+32:])
	key, err := sharedKey(s.Keys.Secret.key(), client)
	if err != nil {
		return 0, protocolError("the CURVE client's short-term key: %v", err)
	}
	defer wipe(key)
	zeros, ok := key.open(shortNonce("CurveZMQHELLO---", counter), hello[2+72+32+8:])
	if !ok {
		return 0, protocolError("cannot open the CURVE HELLO; the client expects a server of another key")
	}
	if !bytes.Equal(zeros, make([]byte, 64)) {
		return 0, protocolError("the CURVE HELLO holds something else than zeros")
	}
	own, err := newShortTerm()
	if err != nil {
		return 0, err
	}
	defer own.wipe()
	nonce := randomNonce("WELCOME-")
	plain := appendCookie(append(make([]byte, 0, welcomePlain), own.public[:]...), own, client, cookieKey)
	welcome := append(make([]byte, 0, welcomeSize), nonce[8:]...)
	return counter, io.writeCommand("WELCOME", key.seal(welcome, nonce, plain))
}

// appendCookie appends what this server needs again of the client's short-term key and its own.
func appendCookie(dst []byte, own *shortTerm, client []byte, cookieKey *boxKey) []byte {
	nonce := randomNonce("COOKIE--")
	var plain [64]byte
	defer clear(plain[:])
	copy(plain[:32], client)
	copy(plain[32:], own.secret[:])
	return cookieKey.seal(append(dst, nonce[8:]...), nonce, plain[:])
}

// openCookie gives the keys in the cookie at the start of an INITIATE. Of the server's, only the secret one is there.
func openCookie(initiate []byte, cookieKey *boxKey) (own *shortTerm, client []byte, err error) {
	if len(initiate) < initiateHeader+initiatePlain+boxOverhead {
		return nil, nil, protocolError("a CURVE INITIATE of %d bytes, which is too short", len(initiate))
	}
	plain, ok := cookieKey.open(longNonce("COOKIE--", initiate[:16]), initiate[16:cookieSize])
	if !ok {
		return nil, nil, protocolError("the cookie in the CURVE INITIATE is not of this connection")
	}
	own = &shortTerm{secret: [32]byte(plain[32:])}
	clear(plain[32:])
	return own, plain[:32], nil
}

// initiated is what a client says in INITIATE.
type initiated struct {
	key      CurveKey
	metadata []byte
	counter  uint64
}

// openInitiate reads what follows the cookie, and checks that the client has the secret of the key it shows.
func (s CurveServer) openInitiate(body []byte, after uint64, own *shortTerm, client []byte, session *boxKey) (initiated, error) {
	counter := binary.BigEndian.Uint64(body)
	if counter <= after {
		return initiated{}, protocolError("the nonce of the CURVE INITIATE is %d after %d", counter, after)
	}
	plain, ok := session.open(shortNonce("CurveZMQINITIATE", counter), body[8:])
	if !ok {
		return initiated{}, protocolError("cannot open the CURVE INITIATE")
	}
	in := initiated{key: CurveKey(plain[:32]), metadata: plain[initiatePlain:], counter: counter}
	vouch := plain[32:initiatePlain]
	key, err := sharedKey(&own.secret, in.key[:])
	if err != nil {
		return initiated{}, protocolError("the CURVE client's key: %v", err)
	}
	defer wipe(key)
	vouched, ok := key.open(longNonce("VOUCH---", vouch[:16]), vouch[16:])
	if !ok {
		return initiated{}, protocolError("the CURVE client does not have the secret of the key that it shows")
	}
	if !bytes.Equal(vouched[:32], client) || !bytes.Equal(vouched[32:], s.Keys.Public[:]) {
		return initiated{}, protocolError("the CURVE client's vouch is for another connection or server")
	}
	return in, nil
}

// authorise asks who has the key.
func (s CurveServer) authorise(x exchange, key CurveKey) (user string, err error) {
	why := errors.New("this CURVE server has no authoriser, and lets nobody in")
	if s.Authorise != nil {
		from := x.peer
		from.Key = key[:]
		if user, why = s.Authorise(from, key); why == nil {
			return user, nil
		}
	}
	// Whether the client hears it changes nothing.
	_ = x.io.writeCommand("ERROR", append([]byte{byte(len(notAuthorised))}, notAuthorised...))
	return "", refused("the authoriser does not want the key %s: %v", key, why)
}

// notAuthorised is what a client is told that the authoriser refuses, and nothing more: the status that ZeroMQ's
// authentication (RFC 27) has for it, which libzmq passes on to whoever watches the socket.
const notAuthorised = "400"
