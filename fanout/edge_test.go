package fanout

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// Clients that were shown different positions ahead of the bus each get what is newer than theirs, and the one that was not ahead misses nothing.
func TestAheadOfTheBus(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		ahead := func(n int) (*session, *tape) {
			e := fix("a", n)
			e.Time += protocols.At(time.Now()) - baseTime
			r.bus.ahead = []*Message{NewMessage(&e)}
			s, l := r.client("*")
			r.ask(s, `{"track":["a"],"max_hz":0}`)
			r.bus.ahead = nil
			return s, l
		}
		s, behind := r.client("*")
		r.ask(s, `{"track":["a"],"max_hz":0}`)
		_, five := ahead(5)
		left, _ := ahead(6)
		_, seven := ahead(7)
		r.want(behind, "snapshot")
		r.want(five, "snapshot a5")
		r.want(seven, "snapshot a7")
		left.end()
		r.publish(fix("a", 4), fix("a", 5), fix("a", 6))
		r.want(behind, "a4", "a5", "a6")
		r.want(five, "a6")
		r.want(seven)
		r.publish(fix("a", 7), fix("a", 8))
		r.want(behind, "a7", "a8")
		r.want(five, "a7", "a8")
		r.want(seven, "a8")
		s.client.shard.do(func() {
			if v := s.client.shard.vehicles["a"]; v != nil && v.ahead != nil {
				t.Error("what was ahead is still kept")
			}
		})
	})
}

// What is queued for an interest that has ended is not sent, whoever has its room by then: the same client for another vehicle, or another client for the same.
func TestRoomIsUsedAgain(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		s, l := r.client("*")
		other, ol := r.client("*")
		r.ask(s, `{"track":["a","b"],"max_hz":0}`)
		r.ask(other, `{"track":["z"],"max_hz":0}`)
		r.want(l, "snapshot")
		r.want(ol, "snapshot")
		l.stick(true)
		r.publish(fix("a", 1)) // is on its way
		r.publish(fix("a", 2), fix("b", 3))
		room := func(s *session, vehicle string) (e *edge) {
			home := s.client.shard
			home.do(func() { e = s.client.find(home.vehicles[vehicle]) })
			return e
		}
		wasA, wasB := room(s, "a"), room(s, "b")
		r.ask(s, `{"untrack":["a"]}`)
		r.ask(s, `{"track":["c"]}`)
		r.ask(s, `{"untrack":["b"]}`)
		r.ask(other, `{"track":["b"],"max_hz":0}`)
		if room(s, "c") != wasA || room(other, "b") != wasB {
			t.Fatal("room is not used again")
		}
		l.stick(false)
		s.client.writable()
		synctest.Wait()
		r.want(l, "a1", "snapshot")
		r.want(ol, "snapshot b3")
	})
}
