package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// small is a part of the configuration, enough to see values arrive; the rest of the keys is taken as it is.
type small struct {
	Gateway struct {
		Ack    string
		Idle   time.Duration
		Listen map[string]string
		Rest   map[string]any `mapstructure:",remain"`
	}
	Store struct {
		URL  string
		Rest map[string]any `mapstructure:",remain"`
	}
	Fanout struct {
		Origins      []string
		PingInterval time.Duration  `mapstructure:"ping_interval"`
		Rest         map[string]any `mapstructure:",remain"`
	}
	Rest map[string]any `mapstructure:",remain"`
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOrderOfPrecedence(t *testing.T) {
	path := file(t, "gateway:\n  ack: stored\n  idle: 5m\n  listen: {gt06: \":7000\"}\nstore:\n  url: sqlite:file.db\n")
	var c small
	if err := Load(path, []string{"TRACKGATE_GATEWAY_IDLE=90s", "DATABASE_URL=postgres://alias", "WS_PING_INTERVAL=1500", "WS_CORS_ORIGIN=http://a,http://b", "OTHER=1"}, &c); err != nil {
		t.Fatal(err)
	}
	if c.Gateway.Ack != "stored" || c.Gateway.Idle != 90*time.Second || c.Gateway.Listen["gt06"] != ":7000" || c.Store.URL != "postgres://alias" ||
		c.Fanout.PingInterval != 1500*time.Millisecond || len(c.Fanout.Origins) != 2 {
		t.Errorf("got %+v", c)
	}
	if err := Load("", []string{"DATABASE_URL=postgres://alias", "TRACKGATE_STORE_URL=postgres://own"}, &c); err != nil || c.Store.URL != "postgres://own" {
		t.Errorf("got %q, %v", c.Store.URL, err)
	}
}

func TestUnknownKeysAreErrors(t *testing.T) {
	for _, tt := range []struct{ file, env, want string }{
		{"gateway:\n  ackk: stored\n", "", "gateway.ackk"},
		{"gatway:\n  ack: stored\n", "", "gatway.ack"},
		{"", "TRACKGATE_GATEWAY_ACKK=x", "TRACKGATE_GATEWAY_ACKK"},
		{"gateway: [", "", "yaml"},
	} {
		var env []string
		if tt.env != "" {
			env = []string{tt.env}
		}
		path := ""
		if tt.file != "" {
			path = file(t, tt.file)
		}
		var c small
		if err := Load(path, env, &c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q %q: %v, want an error that names %s", tt.file, tt.env, err, tt.want)
		}
	}
	if err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil, &small{}); err == nil {
		t.Error("a file that is not there is no error")
	}
}

// TestEveryKeyIsExplained keeps the default file what it claims to be.
func TestEveryKeyIsExplained(t *testing.T) {
	explained := true
	for n, line := range strings.Split(string(Default), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || strings.HasSuffix(trimmed, ":"): // a gap, or the head of a section
			explained = false
		case strings.HasPrefix(trimmed, "#"):
			explained = true
		default:
			self := map[string]bool{"synchronous_commit": true, "write_timeout": true, "query_timeout": true, "ping_interval": true, "ping_timeout": true,
				"connections_per_user": true, "attribution": true, "jwks": true}
			key, _, _ := strings.Cut(trimmed, ":")
			if !explained && !strings.Contains(trimmed, "#") && !self[key] {
				t.Errorf("line %d: %s has no sentence", n+1, key)
			}
			explained = false
		}
	}
}
