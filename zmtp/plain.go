package zmtp

// PlainClient proves itself by name and password, which anybody on the way can read (RFC 24).
type PlainClient struct{ Username, Password string }

// PlainServer asks for name and password.
type PlainServer struct {
	// Authorise gives the name that stands in Peer.User, or an error that turns the peer away. It may be called by several
	// goroutines at once. Nil lets nobody in.
	Authorise func(from Peer, username, password string) (user string, err error)
}

func (PlainClient) mechanism() (string, bool) { return "PLAIN", false }
func (PlainServer) mechanism() (string, bool) { return "PLAIN", true }

// shake makes the client's part.
func (p PlainClient) shake(x exchange) (shaken, error) {
	if len(p.Username) > 255 || len(p.Password) > 255 {
		return shaken{}, refused("the name or the password has more than 255 bytes, which PLAIN cannot carry")
	}
	hello := append([]byte{byte(len(p.Username))}, p.Username...)
	hello = append(append(hello, byte(len(p.Password))), p.Password...)
	if err := x.io.writeCommand("HELLO", hello); err != nil {
		return shaken{}, err
	}
	if _, err := expectCommand(x.io, "WELCOME"); err != nil {
		return shaken{}, err
	}
	if err := x.io.writeCommand("INITIATE", x.metadata); err != nil {
		return shaken{}, err
	}
	metadata, err := expectCommand(x.io, "READY")
	return shaken{metadata: metadata}, err
}

// shake makes the server's part.
func (p PlainServer) shake(x exchange) (shaken, error) {
	hello, err := expectCommand(x.io, "HELLO")
	if err != nil {
		return shaken{}, err
	}
	username, rest, ok := cutShort(hello)
	password, rest, ok2 := cutShort(rest)
	if !ok || !ok2 || len(rest) > 0 {
		return shaken{}, protocolError("the HELLO is not a name and a password")
	}
	user, err := p.authorise(x, username, password)
	if err != nil {
		return shaken{}, err
	}
	if err := x.io.writeCommand("WELCOME", nil); err != nil {
		return shaken{}, err
	}
	metadata, err := expectCommand(x.io, "INITIATE")
	if err != nil {
		return shaken{}, err
	}
	return shaken{metadata: metadata, user: user}, x.io.writeCommand("READY", x.metadata)
}

// authorise asks who may come in, and tells the others no more than that they may not.
func (p PlainServer) authorise(x exchange, username, password string) (user string, err error) {
	if p.Authorise == nil {
		err = refused("there is no authoriser")
	} else if user, err = p.Authorise(x.peer, username, password); err == nil {
		return user, nil
	}
	refusal := append([]byte{byte(len(notAuthorised))}, notAuthorised...)
	_ = x.io.writeCommand("ERROR", refusal) // whether the peer hears it changes nothing
	return "", refused("the authoriser does not want the user %s: %v", quote(username), err)
}

// cutShort takes a text with one byte of length before it off b.
func cutShort(b []byte) (text string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	return string(b[1 : 1+b[0]]), b[1+b[0]:], true
}
