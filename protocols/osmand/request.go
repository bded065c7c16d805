package osmand

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

const (
	maxLine    = 8 << 10         // of the request line
	maxHead    = 16 << 10        // of request line and headers
	maxForm    = 64 << 10        // of a form
	maxJSON    = 1 << 20         // of a batch
	maxChunked = maxJSON + 1<<17 // of a body in chunks, with their sizes
)

// request is one HTTP request taken apart. Its slices are views of the input, but for a body that came in chunks.
type request struct {
	get, post bool
	target    []byte
	json      bool
	length    int // of the body; -1: not told
	chunked   bool
	expect    bool // the client waits for 100 Continue
	close     bool // the connection ends with the answer
	body      []byte
	status    int // to refuse it with; 0: none so far
}

var methods = [...]string{"GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "DELETE ", "PATCH "}

// startsMethod tells whether b starts with a method, and whether more bytes may tell.
func startsMethod(b []byte) (yes, more bool) {
	for _, m := range methods {
		if len(b) >= len(m) {
			if string(b[:len(m)]) == m {
				return true, false
			}
		} else if m[:len(b)] == string(b) {
			more = true
		}
	}
	return false, more
}

// refuse ends the reading of a request: what follows it can not be trusted.
func (r *request) refuse(status int) { r.status, r.close = status, true }

// head reads request line and headers and returns their size; 0: more bytes are needed.
func (r *request) head(b []byte, final bool) int {
	end := bytes.IndexByte(b[:min(len(b), maxLine)], '\n')
	n := end + 1
	switch {
	case end < 0 && len(b) >= maxLine:
		r.refuse(414)
		return maxLine
	case end < 0 && !final:
		return 0
	case end < 0:
		end, n = len(b), len(b)
	}
	versioned := r.line(bytes.TrimRight(b[:end], "\r"))
	if r.status != 0 || !versioned {
		return n // without a version there are no headers
	}
	r.length = -1
	for n < len(b) {
		end := bytes.IndexByte(b[n:min(len(b), maxHead)], '\n')
		if end < 0 {
			break
		}
		line := bytes.TrimRight(b[n:n+end], "\r")
		n += end + 1
		if len(line) == 0 {
			r.settle()
			return n
		}
		r.header(line)
	}
	switch {
	case len(b) >= maxHead:
		r.refuse(431)
		return maxHead
	case !final:
		return 0
	}
	r.header(bytes.TrimRight(b[n:], "\r"))
	r.settle()
	return len(b)
}

// line reads the request line: method, target, version. Some devices leave blanks in the target as they are, and the simplest leave the
// version out.
func (r *request) line(b []byte) (versioned bool) {
	method, rest, _ := bytes.Cut(b, []byte(" "))
	r.get, r.post = string(method) == "GET", string(method) == "POST"
	if at := bytes.LastIndex(rest, []byte(" HTTP/")); at >= 0 {
		version := bytes.TrimSpace(rest[at+len(" HTTP/"):])
		rest, versioned = rest[:at], true
		r.close = string(version) == "1.0"
		if !r.close && string(version) != "1.1" {
			r.refuse(505)
		}
	} else {
		r.close = true
	}
	if r.target = bytes.TrimSpace(rest); len(r.target) == 0 {
		r.refuse(400)
	}
	return versioned
}

// header reads one header line.
func (r *request) header(line []byte) {
	if len(line) == 0 {
		return
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 || name[0] == ' ' || name[0] == '\t' {
		r.refuse(400)
		return
	}
	value = bytes.TrimSpace(value)
	is := func(word string) bool { return bytes.EqualFold(name, []byte(word)) }
	has := func(word string) bool {
		return len(value) >= len(word) && bytes.EqualFold(value[:len(word)], []byte(word))
	}
	switch {
	case is("Content-Length"):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil || r.length >= 0 && r.length != int(n) {
			r.refuse(400)
			return
		}
		r.length = int(n)
	case is("Transfer-Encoding"):
		if !bytes.EqualFold(value, []byte("chunked")) {
			r.refuse(501)
			return
		}
		r.chunked = true
	case is("Content-Type"):
		r.json = has("application/json")
	case is("Content-Encoding"):
		if len(value) > 0 && !has("identity") {
			r.refuse(415)
		}
	case is("Connection"):
		if has("close") {
			r.close = true
		} else if has("keep-alive") && r.status == 0 {
			r.close = false
		}
	case is("Expect"):
		r.expect = has("100-continue")
	}
}

// settle judges the headers together.
func (r *request) settle() {
	switch {
	case r.status != 0:
	case r.chunked && r.length >= 0:
		r.refuse(400) // two lengths: a front end may have read the other one
	case !r.chunked && r.length > r.limit():
		r.refuse(413)
	}
	if r.length <= 0 && !r.chunked {
		r.expect = false
	}
}

// limit is the longest body that is read.
func (r *request) limit() int {
	if r.json {
		return maxJSON
	}
	return maxForm
}

// readBody reads the body from b and returns its size on the wire; -1: more bytes are needed.
func (r *request) readBody(b []byte) int {
	switch {
	case r.chunked:
		return r.readChunks(b)
	case r.length > len(b):
		return -1
	case r.length > 0:
		r.body = b[:r.length]
		return r.length
	}
	return 0
}

// readChunks reads a body in chunks: a size in hex and a line end before each, and after it another; a chunk of size 0 and lines up to a
// blank one end it.
func (r *request) readChunks(b []byte) int {
	var parts [][]byte
	total := 0
	for at := 0; ; {
		if total > r.limit() || at > maxChunked {
			r.refuse(413)
			return at
		}
		end := bytes.IndexByte(b[at:min(len(b), at+256)], '\n')
		if end < 0 {
			if len(b)-at >= 256 {
				r.refuse(400)
				return at + 256
			}
			return -1
		}
		digits, _, _ := bytes.Cut(b[at:at+end], []byte(";"))
		size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		at += end + 1
		switch {
		case err != nil:
			r.refuse(400)
			return at
		case size == 0:
			return r.readTrailer(b, at, parts, total)
		case int(size) > r.limit():
			r.refuse(413)
			return at
		case len(b)-at < int(size)+1:
			return -1
		}
		parts = append(parts, b[at:at+int(size)])
		total += int(size)
		at += int(size)
		if b[at] == '\r' {
			if at++; at == len(b) {
				return -1
			}
		}
		if b[at] != '\n' {
			r.refuse(400)
			return at + 1
		}
		at++
	}
}

// readTrailer reads the lines behind the last chunk and puts the body together.
func (r *request) readTrailer(b []byte, at int, parts [][]byte, total int) int {
	for start := at; ; {
		end := bytes.IndexByte(b[at:], '\n')
		if len(b)-start > maxHead && (end < 0 || at+end-start > maxHead) {
			r.refuse(431)
			return start + maxHead + 1
		}
		if end < 0 {
			return -1
		}
		line := bytes.TrimRight(b[at:at+end], "\r")
		if at += end + 1; len(line) == 0 {
			break
		}
	}
	if len(parts) == 1 {
		r.body = parts[0]
		return at
	}
	r.body = make([]byte, 0, total)
	for _, p := range parts {
		r.body = append(r.body, p...)
	}
	return at
}

// bare reads what is left of a request in logs and tests: its target or its body.
func (r *request) bare(b []byte) {
	b = bytes.TrimRight(b, "\r\n")
	switch {
	case b[0] == '/' || bytes.HasPrefix(b, []byte("http://")) || bytes.HasPrefix(b, []byte("https://")):
		r.get, r.target = true, b
	case b[0] == '{':
		r.post, r.json, r.body = true, true, b
	case b[0] == '?':
		r.get, r.target = true, b
	case isForm(b):
		r.post, r.body = true, b
	default:
		r.status = 400
	}
}

// isForm tells whether b is parameters: a name in front of an equals sign, and nothing that a form would have escaped.
func isForm(b []byte) bool {
	name, _, ok := bytes.Cut(b, []byte("="))
	if !ok || len(name) == 0 {
		return false
	}
	for _, x := range name {
		if x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	for _, x := range b {
		if x < ' ' {
			return false
		}
	}
	return true
}

// query is the part of the target behind the question mark.
func (r *request) query() []byte {
	_, query, _ := bytes.Cut(r.target, []byte("?"))
	query, _, _ = bytes.Cut(query, []byte("#"))
	return query
}

// Session.State is empty, or what is known of a request whose body is awaited because its head was answered 100 Continue:
//
//	G or P | j or f | c or k | length, or * for chunks | blank | target
//
// for method, JSON or form, and whether the connection closes or is kept.

// await is the state that lets the body of this request be a frame of its own; empty: the target is too long for one.
func (r *request) await() string {
	if !r.get && !r.post || len(r.target) > protocols.MaxState-16 {
		return ""
	}
	letter := func(is bool, yes, no string) string {
		if is {
			return yes
		}
		return no
	}
	length := "*"
	if !r.chunked {
		length = strconv.Itoa(r.length)
	}
	return letter(r.get, "G", "P") + letter(r.json, "j", "f") + letter(r.close, "c", "k") + length + " " + string(r.target)
}

func awaited(state string) bool { return len(state) > 3 }

// resume is the inverse of await.
func (r *request) resume(state string) {
	r.get, r.post = state[0] == 'G', state[0] == 'P'
	r.json, r.close = state[1] == 'j', state[2] == 'c'
	length, target, _ := strings.Cut(state[3:], " ")
	r.target = []byte(target)
	r.chunked = length == "*"
	r.length, _ = strconv.Atoi(length)
}
