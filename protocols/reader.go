package protocols

import (
	"encoding/binary"
	"fmt"
)

// Reader reads the fields of one message, big endian unless the name says otherwise. The first read beyond the end sticks: it and all after it give
// zero, and Err says so once. A Reader is a value for the stack; it never allocates but for its error.
type Reader struct {
	b   []byte
	off int
	bad bool
}

// NewReader reads b, which it does not copy.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Err tells whether a read went beyond the end.
func (r *Reader) Err() error {
	if !r.bad {
		return nil
	}
	return fmt.Errorf("ends after %d bytes: %w", len(r.b), ErrMalformed)
}

// Len is the number of bytes not yet read.
func (r *Reader) Len() int { return len(r.b) - r.off }

// Offset is the number of bytes read.
func (r *Reader) Offset() int { return r.off }

// Bytes reads n bytes: a view of the input, nil when there are fewer. A negative n is too many.
func (r *Reader) Bytes(n int) []byte {
	if n < 0 || n > len(r.b)-r.off || r.bad {
		r.bad, r.off = true, len(r.b)
		return nil
	}
	v := r.b[r.off : r.off+n : r.off+n]
	r.off += n
	return v
}

// Rest reads all that is left.
func (r *Reader) Rest() []byte { return r.Bytes(r.Len()) }

// Peek is the next n bytes without reading them, or nil when there are fewer; it never sticks.
func (r *Reader) Peek(n int) []byte {
	if n < 0 || n > r.Len() {
		return nil
	}
	return r.b[r.off : r.off+n]
}

// Skip passes over n bytes.
func (r *Reader) Skip(n int) { r.Bytes(n) }

func (r *Reader) U8() uint8 {
	if b := r.Bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *Reader) U16() uint16 {
	if b := r.Bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *Reader) U24() uint32 {
	if b := r.Bytes(3); b != nil {
		return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	}
	return 0
}

func (r *Reader) U32() uint32 {
	if b := r.Bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *Reader) U64() uint64 {
	if b := r.Bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Uint reads an unsigned number of n bytes, 1 to 8.
func (r *Reader) Uint(n int) uint64 {
	var v uint64
	for _, x := range r.Bytes(n) {
		v = v<<8 | uint64(x)
	}
	return v
}

func (r *Reader) I8() int8   { return int8(r.U8()) }
func (r *Reader) I16() int16 { return int16(r.U16()) }
func (r *Reader) I32() int32 { return int32(r.U32()) }
func (r *Reader) I64() int64 { return int64(r.U64()) }

func (r *Reader) U16LE() uint16 {
	if b := r.Bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *Reader) U32LE() uint32 {
	if b := r.Bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}
