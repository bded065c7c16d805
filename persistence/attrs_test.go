package persistence

import (
	"bytes"
	"math"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// FuzzReadAttrs holds readAttrs to what protocols.ParseAttrs says, of any input.
func FuzzReadAttrs(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, `{"ignition":true,"motion":false,"power_v":12.48,"x":-0.5,"n":-7}`, `{"driver_id":"AB 12","t":""}`, `{"a":"\u00e9\n\"","b":1}`,
		`{"cells":[{"mcc":262}],"a":1}`, `{"a":01}`, `{"a":-01}`, `{"a":1.}`, `{"a":.5}`, `{"a":-}`, `{"a":1e5}`, `{"a":null}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`,
		`{"a":1}}`, ` {"a":1}`, `{"a": 1}`, `{"a":tru}`, `{"a":123456789012345678901234567890}`, `{"a":0.1234567890123456789}`, `{"a":-0}`, `{"a":00.5}`, `{"a":1-2}`, "", "{", "é",
		"{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := readAttrs(raw)
		want, wantErr := protocols.ParseAttrs(raw)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: got %v, want %v", raw, err, wantErr)
		}
		if g, w := got.AppendJSON(nil), want.AppendJSON(nil); err == nil && !bytes.Equal(g, w) {
			t.Fatalf("%q: got %s, want %s", raw, g, w)
		}
	})
}

// FuzzText holds a stored text to what both databases take.
func FuzzText(f *testing.F) {
	f.Add("a\x00\xff\\u0000")
	f.Add(`\\u0000\\\u0000`)
	f.Fuzz(func(t *testing.T, text string) {
		c := clean(text)
		if unclean(c) || bytes.ContainsRune([]byte(c), 0) {
			t.Fatalf("clean(%q) is %q", text, c)
		}
		b := protocols.Batch{Source: "j", Events: []protocols.Event{{Device: "1", Time: 1, Received: 1}}}
		b.Events[0].Text("t", text)
		p := prepare(&b)
		defer p.release()
		attrs, err := readAttrs(p.json)
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := attrs[0].Text(); bytes.ContainsRune([]byte(v), 0) {
			t.Fatalf("%q is stored as %q", text, v)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(position{now, 3, math.MinInt32}.String())
	f.Add("AQAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePosition(s)
		if err != nil {
			return
		}
		if q, err := parsePosition(p.String()); err != nil || q != p {
			t.Fatalf("%q is %v, and again %v, %v", s, p, q, err)
		}
	})
}
