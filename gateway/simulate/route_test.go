package simulate

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestRoutes drives each built-in route once around and checks that a vehicle moves as one does.
func TestRoutes(t *testing.T) {
	routes, err := Routes()
	if err != nil {
		t.Fatal(err)
	}
	if len(routes) != 6 {
		t.Errorf("%d routes, want 6", len(routes))
	}
	for _, r := range routes {
		t.Run(r.Name, func(t *testing.T) {
			if r.Length() < 4000 || r.Length() > 40_000 {
				t.Errorf("%.0f m around", r.Length())
			}
			d := NewDriver(r, 0.3)
			start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
			last := d.Drive(time.Second, start)
			stood, turned, top, seconds := 0, 0.0, 0.0, 0
			for float64(last.Odometer) < r.Length() {
				if seconds++; seconds > 4*3600 {
					t.Fatalf("only %d m in four hours", last.Odometer)
				}
				f := d.Drive(time.Second, start.Add(time.Duration(seconds)*time.Second))
				moved := distance(last.Lat, last.Lng, f.Lat, f.Lng)
				if moved > 32 {
					t.Fatalf("second %d: jumps %.0f m", seconds, moved)
				}
				if dv := (f.Speed - last.Speed) / 3.6; dv > 2 || dv < -4 {
					t.Errorf("second %d: %+.1f m/s", seconds, dv)
				}
				if math.Abs(moved-(f.Speed+last.Speed)/7.2) > 2.5 {
					t.Errorf("second %d: moved %.1f m at %.0f to %.0f km/h", seconds, moved, last.Speed, f.Speed)
				}
				turn := math.Abs(angle(last.Course, f.Course))
				turned += turn
				if turn > 60 && f.Speed > 40 {
					t.Errorf("second %d: turns %.0f degrees at %.0f km/h", seconds, turn, f.Speed)
				}
				if f.Speed == 0 {
					stood++
				}
				top = max(top, f.Speed)
				last = f
			}
			if stood < 20 || turned < 350 || top < 38 || top > 75 {
				t.Errorf("stood %d s, turned %.0f degrees, top speed %.0f km/h, in %d s", stood, turned, top, seconds)
			}
		})
	}
}

func TestParseRouteErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if _, err := ParseRoute("x", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	f("", "0 corners")
	f("1,2,50\n", "line 1 has 3 fields")
	f("# note\n1,2,50,x\n", "line 2")
	f("1,2,NaN,0\n", "out of range")
	f("1,2,50,0\n1,2,50,0\n1.1,2,50,0\n", "corner 1 is the next one too")
	f("99,2,50,0\n", "out of range")
	f("altitude,high\n", "line 1: altitude")
}

func TestIMEI(t *testing.T) {
	if got, want := IMEI(1), "001017000000011"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for n := range 2000 {
		id, sum := IMEI(n), 0
		for i := range 15 {
			v := int(id[14-i] - '0')
			if i%2 == 1 {
				v = v*2/10 + v*2%10
			}
			sum += v
		}
		if len(id) != 15 || sum%10 != 0 {
			t.Fatalf("%s does not satisfy Luhn", id)
		}
	}
}
