//go:build linux

package main

import (
	"fmt"
	"os"
)

// site is several running nodes and a fleet for each, since one process may open so many files only.
type site struct {
	rig   // the fleets; what a rig asks of its servers is not to be asked of these nodes
	nodes []*node
}

// startSite starts nodes, each with a folder of its own, and waits until they are ready.
func (b *bench) startSite(count int, env ...string) (*site, error) {
	s := &site{rig: rig{name: "trackgate serve"}}
	for range count {
		dir, err := os.MkdirTemp("", "trackgate-bench")
		if err != nil {
			s.stop()
			return nil, err
		}
		s.pairs = append(s.pairs, &pair{dir: dir})
		n, err := b.startNode(dir, env...)
		if err != nil {
			s.stop()
			return nil, err
		}
		s.nodes = append(s.nodes, n)
		if err := n.ready(); err != nil {
			s.stop()
			return nil, err
		}
	}
	return s, nil
}

// connect logs devices in, as many on each node.
func (s *site) connect(protocol string, devices int) error {
	for i, p := range s.pairs {
		var err error
		if p.fleet, err = startPart("fleet"); err != nil {
			return err
		}
		first, next := devices*i/len(s.pairs), devices*(i+1)/len(s.pairs)
		if _, err := command(p.fleet, &order{Do: "connect", To: s.nodes[i].devices, Protocol: protocol, Connections: next - first, First: first}); err != nil {
			return err
		}
	}
	return nil
}

// sum adds up a metric over the nodes.
func (s *site) sum(name string, with ...string) (v float64, err error) {
	for _, n := range s.nodes {
		m, err := n.metrics()
		if err != nil {
			return 0, err
		}
		v += m.sum(name, with...)
	}
	return v, nil
}

// resident is the memory of all nodes, in bytes.
func (s *site) resident() (bytes int64, err error) {
	for _, n := range s.nodes {
		u, err := used(n.cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		bytes += u.Resident
	}
	return bytes, nil
}

// said is what the nodes printed, for errors.
func (s *site) said() (text string) {
	for i, n := range s.nodes {
		text += fmt.Sprintf("node %d: %s\n", i, n.output.String())
	}
	return text
}

// stop ends fleets and nodes and removes what they kept.
func (s *site) stop() {
	for _, p := range s.pairs {
		if p.fleet != nil {
			p.fleet.stop()
			p.fleet = nil
		}
	}
	for _, n := range s.nodes {
		n.stop()
	}
	s.rig.stop()
}

// mib writes bytes in MiB.
func mib(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }
