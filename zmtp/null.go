package zmtp

// null is the mechanism that proves nothing and hides nothing (RFC 37).
type null struct{}

// nullName is what stands in the greeting.
const nullName = "NULL"

func (null) mechanism() (string, bool) { return nullName, false }

func (null) shake(x exchange) (shaken, error) {
	if err := x.io.writeCommand("READY", x.metadata); err != nil {
		return shaken{}, err
	}
	name, body, err := x.io.readCommand()
	if err != nil {
		return shaken{}, err
	}
	if name != "READY" {
		return shaken{}, protocolError("%s came where READY was awaited", quote(name))
	}
	return shaken{metadata: body}, nil
}
