package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/gateway"
)

// web is the HTTP server of a node.
type web struct {
	listener net.Listener
	server   *http.Server
}

// listen binds the HTTP address and mounts the routes of all parts.
func (n *node) listen() (*web, error) {
	socket, err := net.Listen("tcp", n.HTTP.Addr)
	if err != nil {
		return nil, fmt.Errorf("http: %w; choose another address with --http", err)
	}
	l := newLimitedListener(socket, n.gateway)
	n.people.Store(l)
	mux := http.NewServeMux()
	if n.fan != nil {
		for _, r := range n.fan.Routes() {
			mux.Handle(r.Pattern, r.Handler)
		}
	}
	if n.gateway != nil {
		for pattern, h := range n.gateway.Ingest().Routes() {
			mux.Handle(pattern, n.cors(h))
		}
	}
	devices := &gateway.DeviceAPI{List: n.store.Devices, Put: n.registry.Put}
	mux.Handle("GET /api/devices", n.cors(n.authority.Require(auth.Admin, http.HandlerFunc(devices.Get))))
	mux.Handle("PUT /api/devices", n.cors(n.authority.Require(auth.Admin, http.HandlerFunc(devices.PutAll))))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", n.serveReady)
	mux.Handle("GET /metrics", n.onlyLocal(promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{})))
	var handler http.Handler = mux
	if n.gateway != nil && n.HTTP.Reports != "" {
		handler = n.gateway.Reports().Mount(n.HTTP.Reports, mux)
	}
	return &web{l, &http.Server{Handler: handler, ReadHeaderTimeout: n.HTTP.ReadHeaderTimeout, IdleTimeout: n.HTTP.IdleTimeout, MaxHeaderBytes: 64 << 10,
		ErrorLog: zap.NewStdLog(n.log.Named("http"))}}, nil
}

// cors lets pages of the configured origins call h, where this node serves people at all.
func (n *node) cors(h http.Handler) http.Handler {
	if n.fan == nil {
		return h
	}
	return n.fan.CORS(h)
}

// run serves until ctx ends, then finishes the requests that are under way.
func (w *web) run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- w.server.Serve(w.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("http: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := w.server.Shutdown(stop); err != nil {
		w.server.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serveReady is 200 when the node does what it is for, else 503 with the reasons.
func (n *node) serveReady(w http.ResponseWriter, _ *http.Request) {
	if err := n.ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

func (n *node) ready() error {
	if n.gateway != nil {
		if err := n.gateway.Ready(); err != nil {
			return err
		}
	}
	if n.fan != nil && !n.bus.Connected() {
		return errors.New("redis: not connected")
	}
	return nil
}

// onlyLocal lets callers on this machine through, and others with a token of scope admin.
func (n *node) onlyLocal(h http.Handler) http.Handler {
	guarded := n.authority.Require(auth.Admin, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		remote, err := netip.ParseAddrPort(r.RemoteAddr)
		if n.HTTP.Metrics == "open" || (err == nil && remote.Addr().Unmap().IsLoopback()) {
			h.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// authorizeIngest asks the one policy whether a request may report positions of a vehicle.
func (n *node) authorizeIngest(r *http.Request, vehicle string) error {
	switch err := n.authority.Check(r, auth.Ingest, vehicle); {
	case err == nil:
		return nil
	case errors.Is(err, auth.ErrUnauthenticated):
		return &gateway.Denied{Status: http.StatusUnauthorized}
	default:
		return &gateway.Denied{Status: http.StatusForbidden}
	}
}
