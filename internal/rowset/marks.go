package rowset

// mark is what is in memory of one row of an answer.
type mark struct {
	key     int64 // where it is in Answer.keys
	row     int64 // where it is in the file
	keySize uint32
	rowSize uint32
	sum     sum
}

// marks are those of all rows of an answer, in pieces: what is there is not moved as more come, which would need the memory of all once
// more.
type marks struct {
	pieces [][]mark
	n      int
}

const pieceMarks = 1 << 10 // in a piece

func (m *marks) len() int { return m.n }

func (m *marks) at(i int) *mark { return &m.pieces[i/pieceMarks][i%pieceMarks] }

func (m *marks) add(one mark) {
	if m.n%pieceMarks == 0 {
		m.pieces = append(m.pieces, make([]mark, pieceMarks))
	}
	m.n++
	*m.at(m.n - 1) = one
}

// keys are those of all rows, in pieces for the same reason. None is in two.
type keys struct{ pieces [][]byte }

const pieceKeys = 64 << 10 // bytes in a piece; maxKey fits in

// add gives where a key is from now on.
func (k *keys) add(key []byte) int64 {
	if n := len(k.pieces); n == 0 || len(k.pieces[n-1])+len(key) > pieceKeys {
		k.pieces = append(k.pieces, make([]byte, 0, pieceKeys))
	}
	last := &k.pieces[len(k.pieces)-1]
	at := int64(len(k.pieces)-1)*pieceKeys + int64(len(*last))
	*last = append(*last, key...)
	return at
}

func (k *keys) at(at int64, size uint32) []byte {
	return k.pieces[at/pieceKeys][at%pieceKeys:][:size]
}
