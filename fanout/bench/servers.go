package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// contender is a server under test and the way in which clients speak to it.
type contender struct {
	flag   string
	name   string
	speaks dialect
	serve  func(b *bench) (*process, error)
}

// ours is the contender that the bars are for.
const ours = "trackgate"

// contenders are compared in one run; the first is what the others are divided by.
var contenders = []contender{
	{"reference", "reference", socketIO, (*bench).startReference},
	{"trackgate", ours, plain, (*bench).startTrackgate},
	{"socketio", "trackgate, Socket.IO clients", socketIO, (*bench).startTrackgate},
}

const secret = "only the load generator and the servers that it starts know this"

func (b *bench) startRedis() (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := cutAddr(addr)
	return b.start("redis", addr, b.loadCore, nil, answersPing, "redis-server", "--port", port, "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", b.dir)
}

func (b *bench) env() []string {
	return []string{"REDIS_URL=redis://" + b.redis.addr, "JWT_SECRET=" + secret}
}

func (b *bench) startReference() (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := cutAddr(addr)
	return b.start("reference", addr, b.serverCore, append(b.env(), "PORT="+port, "NODE_ENV=production"), answersHTTP,
		"node", filepath.Join(b.reference, "server.mjs"))
}

func (b *bench) startTrackgate() (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(b.dir, "data")
	if err != nil {
		return nil, err
	}
	// Every event counts here: a Socket.IO client can not ask for more than the default of one a second itself.
	return b.start("trackgate", addr, b.serverCore, append(b.env(), "TRACKGATE_FANOUT_MAX_HZ=0"), answersHTTP,
		b.trackgate, "serve", "--roles", "fanout", "--data", data, "--http", addr)
}

// ensure says what is missing before anything is measured.
func (b *bench) ensure() error {
	if _, err := os.Stat(filepath.Join(b.reference, "node_modules", "socket.io")); err != nil {
		return fmt.Errorf("the reference's packages are missing: npm ci --prefix %s", b.reference)
	}
	if _, err := os.Stat(b.trackgate); err != nil {
		return fmt.Errorf("no program to measure: make build (%w)", err)
	}
	return nil
}
