package protocols

import "errors"

// Drain reads every whole frame of in.Bytes in order and calls visit for each with its bytes and what became of it; visit returns false to
// stop. f holds the frame of the moment. Drain returns how many bytes were used up: the rest is the start of a frame that is not whole yet. An error
// means that the stream can not be followed any more; an error of a single frame goes to visit alone.
//
// This is the loop of the socket, of the tests, of the fuzzer and of every replay.
func Drain(p *Protocol, s *Session, in Input, f *Frame, visit func(raw []byte, err error) bool) (used int, err error) {
	all := in.Bytes
	for used < len(all) {
		in.Bytes = all[used:]
		f.Reset()
		n, err := Next(p, s, in, f)
		if n == 0 {
			return used, err
		}
		used += n
		if !visit(in.Bytes[:n], err) {
			return used, nil
		}
	}
	return used, nil
}

// Fault names why a frame was refused, from a fixed set: it labels metrics.
func Fault(err error) string {
	var p *PanicError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &p):
		return "panic"
	case errors.Is(err, ErrChecksum):
		return "checksum"
	case errors.Is(err, ErrGarbage):
		return "garbage"
	}
	return "malformed"
}
