package inspect

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the longest line of `decode --jsonl` in bytes. A longer one is passed over and answered with an error.
const MaxLine = 4 << 20

// line is one line of input; members that it does not name are passed over, so that lines may carry notes.
type line struct {
	Session  string `json:"session"`
	Kind     string `json:"kind"`
	Input    string `json:"input"`
	Protocol string `json:"protocol"`
}

// Lines answers each line of r with exactly one line on w, in order, until r ends. Before it waits for more input, all
// answers so far are flushed: a program may converse with it through two pipes.
func (d *Decoder) Lines(r io.Reader, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	in := bufio.NewReaderSize(flusher{r, out}, 64<<10)
	var buf, answer []byte
	for {
		var whole bool
		var err error
		buf, whole, err = readLine(in, buf[:0])
		if err == io.EOF {
			return out.Flush()
		}
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		result := Result{Err: fmt.Errorf("line of more than %d bytes", MaxLine)}
		if whole {
			result = d.line(buf)
		}
		answer = result.AppendJSON(answer[:0])
		if _, err := out.Write(answer); err != nil {
			return err
		}
	}
}

// flusher flushes w before each read of r, which may wait.
type flusher struct {
	r io.Reader
	w *bufio.Writer
}

func (f flusher) Read(b []byte) (int, error) {
	if err := f.w.Flush(); err != nil {
		return 0, err
	}
	return f.r.Read(b)
}

// readLine appends the next line to buf, without its end; whole is false when it is longer than MaxLine and was passed over. A last line
// without an end counts.
func readLine(in *bufio.Reader, buf []byte) (line []byte, whole bool, err error) {
	whole = true
	for {
		part, err := in.ReadSlice('\n')
		if whole && len(buf)+len(part) > MaxLine+1 {
			whole, buf = false, buf[:0]
		}
		if whole {
			buf = append(buf, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(part) == 0 && len(buf) == 0 && whole:
			return buf, true, io.EOF
		case err != nil && err != io.EOF:
			return buf, whole, err
		}
		return bytes.TrimSuffix(buf, []byte("\n")), whole, nil
	}
}

// line answers one line.
func (d *Decoder) line(raw []byte) Result {
	fail := func(err error) Result { return Result{Err: err} }
	var l line
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return fail(errors.New("the line is not a JSON object"))
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return fail(fmt.Errorf("the line is not valid: %w", err))
	}
	var b []byte
	switch l.Kind {
	case "hex":
		var err error
		if b, err = FromHex(l.Input); err != nil {
			return fail(fmt.Errorf("input: %w", err))
		}
	case "text":
		b = FromText(l.Input)
	default:
		return fail(fmt.Errorf("kind %q is neither hex nor text", l.Kind))
	}
	if l.Protocol == "" {
		return d.Decode(l.Session, nil, b)
	}
	p, err := d.ByName(l.Protocol)
	if err != nil {
		return fail(err)
	}
	return d.Decode(l.Session, p, b)
}
