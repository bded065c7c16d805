package fanout

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Register exposes the counters, under the prefix trackgate_.
func (c *Counters) Register(r prometheus.Registerer) error {
	count := func(name, help string, v *atomic.Uint64, labels prometheus.Labels) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "trackgate", Name: name, Help: help, ConstLabels: labels},
			func() float64 { return float64(v.Load()) })
	}
	gauge := func(name, help string, v func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "trackgate", Name: name, Help: help}, v)
	}
	result := func(v string) prometheus.Labels { return prometheus.Labels{"result": v} }
	reason := func(v string) prometheus.Labels { return prometheus.Labels{"reason": v} }

	const publish = "Events that the live sink published, failed to publish, or skipped because they are of the past."
	const received = "Messages taken from Redis: good, malformed, or dropped for want of room."
	const gaps = "Vehicles followed through such a loss: what was missed was read again, or the clients were told to resync."
	const resume = "Vehicles to resume: complete, answered with resync and a snapshot, or refused."
	const recovery = "Lost Socket.IO connections: recovered, come again too late or on an unknown pid, or not kept."
	collectors := []prometheus.Collector{
		count("redis_publish_total", publish, &c.Published, result("ok")),
		count("redis_publish_total", publish, &c.PublishFailed, result("error")),
		count("redis_publish_total", publish, &c.PublishSkipped, result("skipped")),
		count("redis_receive_total", received, &c.Received, result("ok")),
		count("redis_receive_total", received, &c.ReceivedBad, result("bad")),
		count("redis_receive_total", received, &c.ReceivedDropped, result("dropped")),
		count("redis_gaps_total", "Times that messages may have been lost between Redis and this node.", &c.Gaps, nil),
		count("windows_lost_total", "Windows for resuming given up because Redis took an event but did not add it.", &c.WindowFailed, nil),
		count("redis_gap_vehicles_total", gaps, &c.GapsFilled, result("filled")),
		count("redis_gap_vehicles_total", gaps, &c.GapsTold, result("resync")),
		count("last_known_dropped_total", "Positions not kept in memory because there are too many vehicles.", &c.LastKnownDropped, nil),
		gauge("redis_probe_age_seconds", "Age of the last message to ourselves that came back through Redis; 0 before the first.", func() float64 {
			at := c.ProbeAt.Load()
			if at == 0 {
				return 0
			}
			return time.Since(time.UnixMilli(at)).Seconds()
		}),
		gauge("ws_clients", "Connected clients, SSE included.", func() float64 { return float64(c.Clients.Load()) }),
		gauge("ws_subscriptions", "Followed vehicles, summed over the clients.", func() float64 { return float64(c.Subscriptions.Load()) }),
		count("ws_sent_total", "Events sent to clients.", &c.Sent, nil),
		count("ws_flushes_total", "Writes to clients.", &c.Flushes, nil),
		count("ws_conflated_total", "Positions replaced by a newer one of the vehicle before they were sent.", &c.Conflated, nil),
		count("ws_skipped_total", "Events that slow clients were told they missed.", &c.Skipped, nil),
		count("ws_slow_disconnects_total", "Clients disconnected because they did not read.", &c.SlowDisconnects, nil),
		count("ws_resume_total", resume, &c.ResumeComplete, result("complete")),
		count("ws_resume_total", resume, &c.ResumeResync, result("resync")),
		count("ws_resume_total", resume, &c.ResumeRefused, result("refused")),
		count("socketio_recovery_total", recovery, &c.Recovered, result("ok")),
		count("socketio_recovery_total", recovery, &c.RecoveryUnknown, result("unknown")),
		count("socketio_recovery_total", recovery, &c.RecoveryDropped, result("dropped")),
	}
	for i := range c.Refused {
		collectors = append(collectors, count("ws_refused_total", "Connections, messages and vehicles refused.", &c.Refused[i], reason(refusalNames[i])))
	}
	for _, k := range collectors {
		if err := r.Register(k); err != nil {
			return fmt.Errorf("fanout: metrics: %w", err)
		}
	}
	return nil
}
