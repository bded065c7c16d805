package main

import (
	"io"
	"net"
)

// pieces is a connection that brings bytes in given pieces and takes whatever is written.
type pieces struct {
	net.Conn
	parts [][]byte
}

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.parts) > 0 && len(p.parts[0]) == 0 {
		p.parts = p.parts[1:]
	}
	if len(p.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.parts[0])
	p.parts[0] = p.parts[0][n:]
	return n, nil
}

func (p *pieces) Write(b []byte) (int, error) { return len(b), nil }
