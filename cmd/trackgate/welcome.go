package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/gateway"
)

// welcome says, once everything is open, where devices dial and where people look.
func (n *node) welcome(ctx context.Context, w *web, out io.Writer) error {
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for n.ready() != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nTrackgate %s\n\n", version)
	if n.gateway != nil {
		b.WriteString("  devices dial\n")
		for _, line := range portLines(n.gateway.Ports()) {
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	fmt.Fprintf(&b, "  store     %s\n  data      %s\n  http      http://%s\n", n.Store, n.Data, reachable(w.listener.Addr().String()))
	if n.fan != nil && n.own {
		link, err := n.mapLink(ctx, w)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n  live map  %s\n            (for one use within %s; `trackgate token` makes tokens for programs)\n", link, ticketTTL)
	}
	if n.gateway != nil {
		b.WriteString("\n  see it move: `make demo` in a second terminal\n")
	}
	_, err := fmt.Fprintln(out, b.String())
	return err
}

const ticketTTL = 15 * time.Minute

// mapLink is a link to the live map with a ticket for one use in its fragment, which browsers do not send and servers do not log.
func (n *node) mapLink(ctx context.Context, w *web) (string, error) {
	grants, err := auth.NewGrants([]string{"*"}, nil)
	if err != nil {
		return "", err
	}
	ticket, err := n.authority.MintTicket(ctx, &auth.Claims{Subject: "console", Expires: time.Now().Add(auth.SessionTTL), Scope: auth.Scopes(auth.Read), Grants: grants}, ticketTTL)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("http://%s/#ticket=%s", reachable(w.listener.Addr().String()), ticket), nil
}

// portLines lists the listeners, those of one protocol together.
func portLines(ports []gateway.Port) []string {
	var lines []string
	for i := 0; i < len(ports); i++ {
		p := ports[i]
		network := p.Network
		if i+1 < len(ports) && ports[i+1].Protocol == p.Protocol && ports[i+1].Address == p.Address {
			network += "+" + ports[i+1].Network
			i++
		}
		name := p.Protocol
		if name == "any" {
			name = "any protocol"
		}
		lines = append(lines, fmt.Sprintf("%-14s %-8s %s", name, network, strings.TrimPrefix(p.Address, "[::]")))
	}
	return lines
}

// reachable is where a listener at addr is reached from this machine.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
