package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// hostile are names that devices may claim: lines and keys of their own for the log, control sequences of terminals, text that runs backwards, bytes
// that are no text.
var hostile = []string{
	"\n2026-01-01T00:00:00.000Z\tERROR\tgateway\tforged line", "\r\x1b[2J\x1b[31mred", "\u009b31m", "a\u2028b\u202eevil", "\x00\x7f\xff\xfe", `","level":"forged`,
	`{"a":1}`, "a{protocol=\"x\"} 1\ntrackgate_forged 1",
}

// unprintable finds what has no place in a line of the log.
func unprintable(line string) bool {
	return strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar) })
}

func TestLogIsPrintable(t *testing.T) {
	for _, format := range []string{"console", "json"} {
		var out bytes.Buffer
		log, err := newLogger(logSettings{Level: "info", Format: format}, zapcore.AddSync(&out))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hostile {
			log.Warn("message "+h, zap.String("device", h), zap.Error(errors.New(h)))
			log.Sugar().Errorf("gnet: %s", h)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 2*len(hostile) {
			t.Errorf("%s: %d lines, want %d", format, len(lines), 2*len(hostile))
		}
		for _, line := range lines {
			if unprintable(strings.ReplaceAll(line, "\ufffd", "")) {
				t.Errorf("%s: %q", format, line)
			}
		}
	}
	if _, err := newLogger(logSettings{Level: "info", Format: "xml"}, zapcore.AddSync(os.Stderr)); err == nil {
		t.Error("an unknown format is taken")
	}
}

// TestHostileIDs sends thousands of ids that nobody should print: the log stays lines of text, the file of refused frames too, and the metrics
// do not grow.
func TestHostileIDs(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	a := startAlone(t, data, "TRACKGATE_LOG_LEVEL=debug")
	send := func(id string) {
		t.Helper()
		c, err := net.Dial("tcp", a.any)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var quoted strings.Builder
		for _, b := range []byte(id) {
			fmt.Fprintf(&quoted, "%%%02X", b)
		}
		fmt.Fprintf(c, "GET /?id=%s&lat=52.5&lon=13.4&%s=1&alarm=%[1]s HTTP/1.1\r\nHost: %s\r\n\r\n", quoted.String(), quoted.String()[:min(quoted.Len(), 60)], id)
		c.(*net.TCPConn).CloseWrite()
		c.Read(make([]byte, 256))
	}
	series := func() int {
		t.Helper()
		status, body := a.call("GET", "/metrics", "", "")
		if status != 200 {
			t.Fatal(status)
		}
		for _, h := range []string{"forged", "evil", "86000000"} {
			if strings.Contains(body, h) {
				t.Errorf("the metrics name %q", h)
			}
		}
		return strings.Count(body, "\n")
	}
	for _, h := range hostile {
		send(h)
		send("known" + h)
	}
	before := 0
	for i := range 4000 {
		send(fmt.Sprintf("86000000%07d%s", i, hostile[i%len(hostile)]))
		if i == 1000 {
			until(t, "stored", func() bool {
				_, body := a.call("GET", "/metrics", "", "")
				return strings.Contains(body, `trackgate_sink_write_seconds_count{sink="store"}`) && strings.Contains(body, `trackgate_sink_write_seconds_count{sink="live"}`)
			})
			before = series()
		}
	}
	if after := series(); after > before+5 { // and not one for each of the last thousands
		t.Errorf("%d lines of metrics, %d before", after, before)
	}
	if _, body := a.call("GET", "/metrics", "", ""); !strings.Contains(body, `trackgate_records_total{protocol="osmand"`) {
		t.Errorf("no id was taken: %s", body)
	}
	a.stop()
	for n, line := range strings.Split(a.said(), "\n") {
		if unprintable(line) || strings.HasPrefix(line, "2026-01-01T00:00:00.000Z") {
			t.Errorf("line %d of the log: %q", n+1, line)
		}
	}
	raw, err := os.ReadFile(filepath.Join(data, "refused.jsonl"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if unprintable(strings.ReplaceAll(line, "\ufffd", "")) {
			t.Errorf("refused.jsonl: %q", line)
		}
	}
}
