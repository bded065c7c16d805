package redistest

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// Cluster is a Redis Cluster of masters without replicas. A node can be stopped and started again; it then knows its slots and nothing else.
type Cluster struct {
	URL   string // names all nodes
	Nodes []*Server
	tb    testing.TB
}

const slots = 16384

// NewCluster starts a cluster of so many nodes and waits until it is whole.
func NewCluster(tb testing.TB, nodes int) *Cluster {
	tb.Helper()
	c := &Cluster{tb: tb}
	var addresses, buses []string
	for range nodes {
		bus := freePort(tb)
		s := New(tb, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000", "--cluster-config-file", "nodes.conf")
		c.Nodes = append(c.Nodes, s)
		addresses, buses = append(addresses, "127.0.0.1:"+s.port), append(buses, bus)
	}
	c.URL = "redis://" + strings.Join(addresses, ",")
	for i, s := range c.Nodes {
		s.say("CLUSTER", "SET-CONFIG-EPOCH", fmt.Sprint(i+1))
		s.say("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(i*slots/nodes), fmt.Sprint((i+1)*slots/nodes-1))
		s.say("CLUSTER", "MEET", "127.0.0.1", c.Nodes[0].port, buses[0])
	}
	c.Whole()
	return c
}

// Whole waits until every node says that all slots are served.
func (c *Cluster) Whole() {
	c.tb.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for _, s := range c.Nodes {
		for {
			info := s.say("CLUSTER", "INFO")
			if strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprint("cluster_known_nodes:", len(c.Nodes))) {
				break
			}
			if time.Now().After(deadline) {
				c.tb.Fatalf("the cluster does not come together: %s", info)
			}
			time.Sleep(20 * time.Millisecond) // other processes agree in their own time
		}
	}
}

// say sends a command and returns the answer, a line or a text.
func (s *Server) say(command ...string) string {
	s.tb.Helper()
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+s.port, time.Second)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(conn, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(word), word)
	}
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	if err != nil || line[0] == '-' {
		s.tb.Fatalf("%v: %s %v", command, line, err)
	}
	if line[0] != '$' {
		return line
	}
	var size int
	fmt.Sscanf(line, "$%d", &size)
	text := make([]byte, size)
	for n := 0; n < size; {
		k, err := in.Read(text[n:])
		if err != nil {
			s.tb.Fatal(err)
		}
		n += k
	}
	return string(text)
}
