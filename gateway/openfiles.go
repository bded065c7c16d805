package gateway

import (
	"fmt"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Each connection is an open file, and so is each of the store's, the journal's and the dashboards'. When the last one is used up, the event
// loops can not accept any more and end: so the limit is raised as far as the system lets us, and devices get nine tenths of it, which they share with what
// Options.Others counts.

// OpenFiles raises the soft limit of open files to the hard one and returns it. With an error it is what the limit is all the same, 0 when
// that is not known.
func OpenFiles() (uint64, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("limit of open files: %w", err)
	}
	if r.Cur < r.Max {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: r.Max, Max: r.Max}); err != nil {
			return r.Cur, fmt.Errorf("limit of open files stays %d: %w", r.Cur, err)
		}
		r.Cur = r.Max
	}
	return r.Cur, nil
}

// mostConnections is how many connections fit into a number of open files, 0 for one that is not known, and no more than configured, where
// that is not 0.
func mostConnections(files uint64, configured int) int64 {
	if files == 0 {
		return int64(max(configured, 1000))
	}
	most := max(int64(min(files, 1<<30))/10*9, 1)
	if configured > 0 {
		most = min(most, int64(configured))
	}
	return most
}

// limitConnections settles how many connections the gateway takes, says so, and has the metrics say so.
func (c *core) limitConnections(reg prometheus.Registerer) {
	files, err := OpenFiles()
	if err != nil {
		c.log.Warn("open files", zap.Error(err))
	}
	c.most = mostConnections(files, c.cfg.Connections)
	fields := []zap.Field{zap.Uint64("open_files", files), zap.Int64("connections", c.most)}
	if int64(c.cfg.Connections) > c.most {
		c.log.Warn("gateway.connections is more than fits into the limit of open files; raise that (ulimit -n, LimitNOFILE=)", append(fields, zap.Int("configured", c.cfg.Connections))...)
	} else {
		c.log.Info("limit of device connections", fields...)
	}
	gauge := func(name, help string, v float64) {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "trackgate", Name: name, Help: help})
		g.Set(v)
		reg.MustRegister(g)
	}
	gauge("open_files_limit", "Files that the system lets this process open.", float64(files))
	gauge("connections_limit", "Device connections that are taken at most.", float64(c.most))
}
