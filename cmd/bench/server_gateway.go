//go:build linux

package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/configs"
	"github.com/trackgate/trackgate/gateway"
	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/all"
)

// gatewayServer is the gateway as a program would build it in.
type gatewayServer struct {
	gateway *gateway.Gateway
	log     *journal.Log
	metrics *prometheus.Registry
	at      string
	cancel  context.CancelFunc
	done    chan error
}

func startGateway(o *serverOrder) (server, error) {
	log, err := journal.Open(journal.Config{Dir: filepath.Join(o.Dir, "journal"), MaxBytes: 8 << 30})
	if err != nil {
		return nil, err
	}
	s := &gatewayServer{log: log, metrics: prometheus.NewRegistry(), done: make(chan error, 1)}
	if s.at, err = freeAddress(); err != nil {
		return nil, err
	}
	cfg, err := defaults()
	if err != nil {
		return nil, err
	}
	cfg.Any, cfg.Replay, cfg.Ports, cfg.Loops, cfg.CommitWindow = s.at, "", false, 1, o.Window
	offset := func(context.Context, string) (uint64, bool, error) { return 0, false, nil }
	sink := gateway.Sink(discard{})
	if o.Alone {
		sink = aside{log}
	}
	if o.Stuck {
		offset = func(ctx context.Context, _ string) (uint64, bool, error) { <-ctx.Done(); return 0, false, ctx.Err() }
	}
	s.gateway = gateway.New(gateway.Options{Config: cfg, Data: o.Dir, Protocols: all.Protocols, Journal: log,
		Registry: gateway.NewRegistry(noDevices{}, protocols.Accept, zap.NewNop()),
		Store:    sink, Offset: offset, Live: sink, Metrics: s.metrics, Log: zap.NewNop()})
	cfg.MakeRoom()
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() { s.done <- s.gateway.Run(ctx) }()
	for s.gateway.Ready() != nil {
		select {
		case err := <-s.done:
			return nil, err
		case <-time.After(time.Millisecond):
		}
	}
	return s, nil
}

// defaults are those of the configuration, without the limits on what one device may send.
func defaults() (gateway.Config, error) {
	var all struct {
		Gateway gateway.Config `mapstructure:"gateway"`
		Others  map[string]any `mapstructure:",remain"`
	}
	err := configs.Load("", nil, &all)
	all.Gateway.FramesPerSecond, all.Gateway.BytesPerSecond, all.Gateway.AcceptRate = 1e9, 1e12, 1e9
	return all.Gateway, err
}

// discard is a sink that takes everything and keeps nothing.
type discard struct{}

func (discard) Write(context.Context, protocols.Batch) error { return nil }

// aside is a sink that lets everything pass: it stands at the journal's end whenever it is asked, so that segments serve again and next to nothing is decoded.
type aside struct{ journal *journal.Log }

func (a aside) Write(ctx context.Context, _ protocols.Batch) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second / 2):
		return &gateway.OffsetError{Have: a.journal.Next()}
	}
}

// noDevices is a registry without entries.
type noDevices struct{}

func (noDevices) DevicesChanged(_ context.Context, since uint64, _ int) ([]protocols.Device, uint64, error) {
	return nil, since, nil
}
func (noDevices) PutDevices(context.Context, []protocols.Device) error { return nil }

func (s *gatewayServer) addr() string { return s.at }

func (s *gatewayServer) add(out *serverState) {
	j := s.log.Stats()
	out.Lag, out.Bytes, out.Commits = s.gateway.Lag(), j.AppendedBytes, j.Appends
}

func (s *gatewayServer) stop() {
	s.cancel()
	<-s.done
	s.log.Close()
}
