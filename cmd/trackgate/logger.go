package main

import (
	"bytes"
	"fmt"
	"os"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logger writes to standard error.
func (s *settings) logger() (*zap.Logger, error) {
	return newLogger(s.Log, zapcore.Lock(os.Stderr))
}

func newLogger(s logSettings, out zapcore.WriteSyncer) (*zap.Logger, error) {
	var encoder zapcore.Encoder
	switch s.Format {
	case "console":
		encoder = zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig())
	case "json":
		encoder = zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	default:
		return nil, fmt.Errorf("log.format: %q is neither console nor json", s.Format)
	}
	level, err := zap.ParseAtomicLevel(s.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	core := zapcore.NewSamplerWithOptions(zapcore.NewCore(encoder, printable{out}, level), time.Second, 20, 1000)
	return zap.New(core, zap.ErrorOutput(out)), nil
}

// printable escapes what a terminal or a reader of lines could take for more than text: ids, names and errors come from devices. Each Write
// is one line.
type printable struct{ zapcore.WriteSyncer }

func (p printable) Write(b []byte) (int, error) {
	line, end := bytes.CutSuffix(b, []byte("\n"))
	out := escape(line)
	if end {
		out = append(out, '\n')
	}
	if _, err := p.WriteSyncer.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// escape writes everything but printable characters and tabs as \u007f, which is JSON, too.
func escape(line []byte) []byte {
	out := make([]byte, 0, len(line)+1)
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		if r == '\t' || (unicode.IsPrint(r) && (r != utf8.RuneError || size > 1)) {
			out = append(out, line[i:i+size]...)
		} else if r > 0xffff {
			out = fmt.Appendf(out, `\U%08x`, r)
		} else {
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}
