package fanout

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/fanout/redistest"
)

// These are the costs that docs/scaling.md calculates with: CPU time, and not what passes on the clock.

// redisCPU is the CPU time in seconds that a Redis has used.
func redisCPU(b *testing.B, c *redis.Client) (seconds float64) {
	b.Helper()
	info, err := c.Info(context.Background(), "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			f, _ := strconv.ParseFloat(value, 64)
			seconds += f
		}
	}
	return seconds
}

// ownCPU is that of this process.
func ownCPU() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// benchVehicles is how many vehicles take turns.
const benchVehicles = 1000

func direct(b *testing.B, url string) *redis.Client {
	o, err := redis.ParseURL(url)
	if err != nil {
		b.Fatal(err)
	}
	c := redis.NewClient(o)
	b.Cleanup(func() { c.Close() })
	return c
}

// BenchmarkRedisPublish is what an event costs Redis and the node that publishes it: its last known position, its place in the window, and
// the message, which nobody hears.
func BenchmarkRedisPublish(b *testing.B) {
	for _, window := range []int{0, 16, 64} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) {
			url := redistest.Start(b)
			bus, c := openRedis(b, url), direct(b, url)
			bus.KeepWindow(window)
			n := 0
			publish := func(events int) {
				for range (events + maxPipeline - 1) / maxPipeline {
					messages := make([]*Message, maxPipeline)
					for i := range messages {
						e := fix(fmt.Sprint("vehicle-", n%benchVehicles), n/benchVehicles)
						messages[i] = NewMessage(&e)
						n++
					}
					if err := bus.Publish(context.Background(), messages); err != nil {
						b.Fatal(err)
					}
				}
			}
			publish(benchVehicles * 70) // windows are full
			b.ResetTimer()
			theirs, ours := redisCPU(b, c), ownCPU()
			publish(b.N)
			b.ReportMetric((redisCPU(b, c)-theirs)/float64(b.N)*1e6, "redis-us/event")
			b.ReportMetric((ownCPU()-ours)/float64(b.N)*1e6, "node-us/event")
			memory, _ := c.MemoryUsage(context.Background(), windowKey+"vehicle-1").Result()
			b.ReportMetric(float64(memory), "window-B/vehicle")
		})
	}
}

// BenchmarkRedisReceive is what an event costs Redis for each node that hears it, and that node, up to the clients. Redis makes the events
// itself, so that nothing else in this process works.
func BenchmarkRedisReceive(b *testing.B) {
	for _, way := range []string{"nobody", "by name", "everything"} {
		b.Run(strings.ReplaceAll(way, " ", "-"), func(b *testing.B) {
			url := redistest.Start(b)
			n, c := redisNode(b, url, nodeOptions{}), direct(b, url)
			bus := n.bus.(*Redis)
			ctx := context.Background()
			switch way {
			case "by name":
				names := make([]string, benchVehicles)
				for i := range names {
					names[i] = fmt.Sprint("vehicle-", i)
				}
				bus.Follow(ctx, names)
				until(b, "the vehicles are followed", func() bool { return bus.Follow(ctx, names) == nil })
			case "everything":
				until(b, "everything is followed", func() bool { return bus.FollowAll(ctx) == nil })
			}
			script := redis.NewScript(`
				for i = 0, ARGV[1] - 1 do
					local vehicle = 'vehicle-' .. i % ARGV[2]
					redis.call('PUBLISH', 'tracking:vehicle:' .. vehicle, ARGV[3] .. vehicle .. ARGV[4])
				end
				return 1`)
			e := fix("?", 1)
			e.Device = "one"
			before, after, _ := strings.Cut(string(NewMessage(&e).body), "?")
			publish := func(events int) {
				for done := 0; done < events; {
					k := min(1000, events-done)
					received := bus.counters.Received.Load()
					if err := script.Run(ctx, c, nil, k, benchVehicles, before, after).Err(); err != nil {
						b.Fatal(err)
					}
					for done += k; way != "nobody" && bus.counters.Received.Load() < received+uint64(k); {
						time.Sleep(200 * time.Microsecond)
					}
				}
			}
			publish(20_000)
			b.ResetTimer()
			theirs, ours := redisCPU(b, c), ownCPU()
			publish(b.N)
			b.ReportMetric((redisCPU(b, c)-theirs)/float64(b.N)*1e6, "redis-us/event")
			b.ReportMetric((ownCPU()-ours)/float64(b.N)*1e6, "node-us/event")
		})
	}
}

// BenchmarkResume is what it costs a node and Redis to bring a client with so many vehicles back, each of which has said three things since.
func BenchmarkResume(b *testing.B) {
	for _, vehicles := range []int{1, 20, 500} {
		b.Run(fmt.Sprintf("vehicles=%d", vehicles), func(b *testing.B) {
			url := redistest.Start(b)
			n, c := redisNode(b, url, nodeOptions{}), direct(b, url)
			who := token(b, "u", auth.Scopes(auth.Read), "*")
			request := make([]string, vehicles)
			for v := range vehicles {
				name := fmt.Sprint("vehicle-", v)
				for i := range 20 {
					n.publish(fix(name, i))
				}
				request[v] = fmt.Sprintf("%q:%q", name, seqOf(fix(name, 16)))
			}
			resume := `{"resume":{` + strings.Join(request, ",") + `},"max_hz":0}`
			theirs, ours := redisCPU(b, c), ownCPU()
			b.ResetTimer()
			for range b.N {
				v := n.dial(who)
				v.send(resume)
				for got := 0; got < 3*vehicles; {
					if m := v.next(); m.Type == "location:update" {
						got++
					}
				}
				v.conn.Close()
			}
			b.StopTimer()
			b.ReportMetric((redisCPU(b, c)-theirs)/float64(b.N)*1e6, "redis-us/client")
			b.ReportMetric((ownCPU()-ours)/float64(b.N)*1e6, "both-ends-us/client")
			runtime.GC()
		})
	}
}
