package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestDecode(t *testing.T) {
	login := "78780d01012345678901234500018cdd0d0a"
	file := filepath.Join(t.TempDir(), "x.tcp")
	if err := os.WriteFile(file, []byte("> "+login[:10]+"\n> "+login[10:]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		stdin string
		args  []string
		want  []string
		fails bool
	}{
		{"hex", "", []string{login}, []string{"gt06 over TCP", "login, bytes 0 to 17", "787805010001d9dc0d0a"}, false},
		{"hex of one session", "", []string{"--protocol", "gt06", login, "78780a13440604000200050a0a0d0a"}, []string{"login", "checksum"}, true},
		{"standard input", login + "\n\n" + login + "\n", nil, []string{"login, bytes 0 to 17"}, false},
		{"a capture in two segments", "", []string{file}, []string{"5 bytes of a frame that is not whole yet", "login, bytes 0 to 17"}, false},
		{"a capture as JSON", "", []string{"--jsonl", file}, []string{`"device":null`, `"device":"123456789012345"`, `"replies":["787805010001d9dc0d0a"]`}, false},
		{"JSON", `{"session":"1","kind":"hex","input":"` + login + `"}`, []string{"--jsonl"}, []string{`{"device":"123456789012345","events":[],"replies":["787805010001d9dc0d0a"],"error":null}`}, false},
		{"explained", "", []string{"--explain", login}, []string{"AT  RAW", `4  0123456789012345  device         "123456789012345"  BCD digits without filling`,
			"14  8cdd              checksum       36061              CRC-16/X.25"}, false},
		{"explained as JSON", "", []string{"--explain", "--jsonl", login}, []string{`"error":null,"explain":[{"frame":0,"offset":0,"length":2,"depth":0,"raw":"7878","name":"start"`,
			`"raw":"0123456789012345","name":"device","field":true,"value":"123456789012345","rule":"BCD digits without filling"}`}, false},
		{"unknown protocol", "", []string{"--protocol", "nope", login}, []string{`unknown protocol "nope"; there are: `}, true},
		{"nonsense", "", []string{"78780d0101234567890123450x018cdd"}, []string{"no file"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, notes, err := execute(t.Context(), newDecode(), c.stdin, c.args...)
			if (err != nil) != c.fails {
				t.Errorf("got error %v", err)
			}
			if err != nil && !errors.Is(err, errSilent) {
				out += err.Error()
			}
			for _, want := range c.want {
				if !strings.Contains(out+notes, want) {
					t.Errorf("lacks %q:\n%s", want, out+notes)
				}
			}
		})
	}
}

// TestInterrupted: Ctrl-C ends a command that waits for standard input.
func TestInterrupted(t *testing.T) {
	for _, c := range []*cobra.Command{newDecode(), newIdentify()} {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		defer w.Close()
		done := make(chan error)
		go func() {
			c.SetIn(r)
			c.SetOut(io.Discard)
			c.SetArgs([]string{})
			c.SilenceErrors, c.SilenceUsage = true, true
			done <- c.ExecuteContext(ctx)
		}()
		w.Write([]byte("7878\n")) // it reads
		cancel()
		if err := <-done; !errors.Is(err, errSilent) {
			t.Errorf("%s: got %v", c.Name(), err)
		}
	}
}

func TestIdentify(t *testing.T) {
	out, _, err := execute(t.Context(), newIdentify(), "", "78", "78", "0d01012345678901234500018cdd0d0a")
	if err != nil || !strings.Contains(out, "gt06") || !strings.Contains(out, "5023") || !strings.Contains(out, "5000") {
		t.Errorf("got %v\n%s", err, out)
	}
	out, _, err = execute(t.Context(), newIdentify(), "0102030405060708\n")
	if !errors.Is(err, errSilent) || !strings.Contains(out, "What to do") {
		t.Errorf("got %v\n%s", err, out)
	}
	if _, _, err = execute(t.Context(), newIdentify(), ""); err == nil {
		t.Error("no bytes: no error")
	}
}

// TestExamples runs the examples of the help texts that need no gateway.
func TestExamples(t *testing.T) {
	t.Chdir("../..") // where testdata is
	for _, newCommand := range []func() string{
		func() string { return newDecode().Example },
		func() string { return newIdentify().Example },
	} {
		for line := range strings.Lines(newCommand()) {
			stdin := ""
			if before, after, piped := strings.Cut(line, " | "); piped {
				stdin = strings.Trim(strings.TrimPrefix(strings.TrimSpace(before), "echo "), "'") + "\n"
				line = after
			}
			words := strings.Fields(strings.ReplaceAll(line, "'", ""))
			c := newDecode()
			if words[1] == "identify" {
				c = newIdentify()
			}
			out, _, err := execute(t.Context(), c, stdin, words[2:]...)
			if err != nil || out == "" || strings.Contains(out, `"error":"`) {
				t.Errorf("%s: %v\n%.500s", strings.TrimSpace(line), err, out)
			}
		}
	}
}
