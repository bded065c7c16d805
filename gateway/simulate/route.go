package simulate

import (
	"bufio"
	"embed"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Route is a closed way along roads: the vehicle drives it round and round.
type Route struct {
	Name   string // of the city
	legs   []leg
	length float64 // m
	alt    float64 // m above sea level, the same all the way
}

// leg is a short straight piece of a route.
type leg struct {
	lat, lng float64 // where it starts
	at       float64 // m from the start of the route
	length   float64 // m
	course   float64 // degrees
	limit    float64 // m/s allowed on it
	stop     float64 // s to stand at its start
}

//go:embed routes/*.csv
var routeFiles embed.FS

// Routes are the routes that come with the program, by name: rounds through real cities, drawn for this purpose.
func Routes() ([]*Route, error) {
	files, err := routeFiles.ReadDir("routes")
	if err != nil {
		return nil, err
	}
	var out []*Route
	for _, f := range files {
		raw, err := routeFiles.ReadFile("routes/" + f.Name())
		if err != nil {
			return nil, err
		}
		r, err := ParseRoute(strings.TrimSuffix(path.Base(f.Name()), ".csv"), string(raw))
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", f.Name(), err)
		}
		out = append(out, r)
	}
	return out, nil
}

// waypoint is one line of a route's file: lat,lng,limit in km/h towards the next,seconds to stand there.
type waypoint struct{ lat, lng, limit, stop float64 }

// maxWaypoints bounds a route's file.
const maxWaypoints = 10_000

// ParseRoute reads a route: a line "altitude,m", which may be left out, and a line "lat,lng,limit_kmh,stop_s" for each corner; lines that start with # are notes. The last corner leads back to
// the first. Corners are rounded, so that a vehicle turns over several seconds.
func ParseRoute(name, text string) (*Route, error) {
	var points []waypoint
	alt := 0.0
	scan := bufio.NewScanner(strings.NewReader(text))
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, ",")
		if fields[0] == "altitude" && len(fields) == 2 {
			var err error
			if alt, err = strconv.ParseFloat(fields[1], 64); err != nil || !(math.Abs(alt) < 9000) {
				return nil, fmt.Errorf("line %d: altitude %q", n, fields[1])
			}
			continue
		}
		if len(fields) != 4 {
			return nil, fmt.Errorf("line %d has %d fields, not 4", n, len(fields))
		}
		var v [4]float64
		for i, f := range fields {
			var err error
			if v[i], err = strconv.ParseFloat(strings.TrimSpace(f), 64); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		}
		if !(math.Abs(v[0]) <= 85 && math.Abs(v[1]) <= 180 && v[2] >= 5 && v[2] <= 200 && v[3] >= 0 && v[3] <= 3600) {
			return nil, fmt.Errorf("line %d: out of range", n)
		}
		points = append(points, waypoint{v[0], v[1], v[2], v[3]})
		if len(points) > maxWaypoints {
			return nil, fmt.Errorf("more than %d corners", maxWaypoints)
		}
	}
	if len(points) < 3 {
		return nil, fmt.Errorf("%d corners, at least 3 are needed", len(points))
	}
	return newRoute(name, alt, points)
}

// cornerRadius is how far before a corner, in metres, a vehicle begins to turn.
const cornerRadius = 14.0

func newRoute(name string, alt float64, points []waypoint) (*Route, error) {
	r := &Route{Name: name, alt: alt}
	n := len(points)
	for i, here := range points {
		before, after := points[(i+n-1)%n], points[(i+1)%n]
		in, out := distance(before.lat, before.lng, here.lat, here.lng), distance(here.lat, here.lng, after.lat, after.lng)
		if out < 1 {
			return nil, fmt.Errorf("corner %d is the next one too", i+1)
		}
		turn := math.Abs(angle(bearing(before.lat, before.lng, here.lat, here.lng), bearing(here.lat, here.lng, after.lat, after.lng)))
		cut := min(cornerRadius, in/3, out/3)
		// A quadratic curve from cut metres before the corner to cut metres behind it.
		startLat, startLng := along(here, before, cut/in)
		endLat, endLng := along(here, after, cut/out)
		steps := 1
		if turn > 8 {
			steps = 6
		}
		slow := min(before.limit, here.limit) / 3.6
		if turn > 20 {
			slow = min(slow, max(3.5, 16-turn*0.13)) // 90 degrees: about 16 km/h
		}
		for k := range steps {
			t := float64(k) / float64(steps)
			lat := (1-t)*(1-t)*startLat + 2*t*(1-t)*here.lat + t*t*endLat
			lng := (1-t)*(1-t)*startLng + 2*t*(1-t)*here.lng + t*t*endLng
			l := leg{lat: lat, lng: lng, limit: slow}
			if k == 0 {
				l.stop = here.stop
			}
			r.legs = append(r.legs, l)
		}
		r.legs = append(r.legs, leg{lat: endLat, lng: endLng, limit: here.limit / 3.6})
	}
	for i := range r.legs {
		l, next := &r.legs[i], &r.legs[(i+1)%len(r.legs)]
		l.at = r.length
		l.length = distance(l.lat, l.lng, next.lat, next.lng)
		l.course = bearing(l.lat, l.lng, next.lat, next.lng)
		r.length += l.length
	}
	return r, nil
}

func along(from, to waypoint, part float64) (lat, lng float64) {
	return from.lat + (to.lat-from.lat)*part, from.lng + (to.lng-from.lng)*part
}

// Length is once around, in metres.
func (r *Route) Length() float64 { return r.length }

// Fix is what a tracker knows of its place at one moment.
type Fix struct {
	Time     time.Time
	Lat, Lng float64 // degrees
	Alt      float64 // m
	Speed    float64 // km/h
	Course   float64 // degrees
	Sats     uint8
	Ignition bool
	Odometer int64 // m
}

// Driver drives a route: it speeds up, brakes before corners and stops, waits, and goes on.
type Driver struct {
	route    *Route
	at       float64 // m from the start of the route
	leg      int
	speed    float64 // m/s
	standing float64 // s left at a stop
	passed   int     // leg whose stop is done; -1: none
	odometer float64
}

// NewDriver starts at the given part, 0 to 1, of the route.
func NewDriver(r *Route, start float64) *Driver {
	d := &Driver{route: r, at: (start - math.Floor(start)) * r.length, passed: -1}
	d.leg = max(0, legAt(r.legs, d.at))
	return d
}

func legAt(legs []leg, at float64) int {
	i, found := slices.BinarySearchFunc(legs, at, func(l leg, at float64) int {
		switch {
		case l.at < at:
			return -1
		case l.at > at:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	return i
}

// Route is the name of the route.
func (d *Driver) Route() string { return d.route.Name }

// What a car in traffic does, in m/s².
const (
	accelerates = 1.6
	brakes      = 2.2
)

// step is the time step of the motion in seconds.
const step = 0.25

// Drive moves on by dt and returns the fix at t.
func (d *Driver) Drive(dt time.Duration, t time.Time) Fix {
	for left := dt.Seconds(); left > 1e-9; left -= step {
		d.advance(min(step, left))
	}
	l := &d.route.legs[d.leg]
	into := (d.at - l.at) / l.length
	next := &d.route.legs[(d.leg+1)%len(d.route.legs)]
	return Fix{
		Time: t, Lat: l.lat + (next.lat-l.lat)*into, Lng: l.lng + (next.lng-l.lng)*into, Alt: d.route.alt, Speed: d.speed * 3.6, Course: l.course,
		Sats: 11, Ignition: true, Odometer: int64(d.odometer),
	}
}

func (d *Driver) advance(dt float64) {
	if d.standing > 0 {
		d.standing -= dt
		return
	}
	allowed := d.allowed()
	if d.speed < allowed {
		d.speed = min(allowed, d.speed+accelerates*dt)
	} else {
		d.speed = max(allowed, d.speed-brakes*1.5*dt)
	}
	d.at += d.speed * dt
	d.odometer += d.speed * dt
	for d.at >= d.route.legs[d.leg].at+d.route.legs[d.leg].length {
		if d.leg++; d.leg == len(d.route.legs) {
			d.leg = 0
			d.at -= d.route.length
		}
		if d.leg != d.passed {
			d.passed = -1
		}
	}
}

// allowed is the speed from which every limit and stop ahead can still be kept. It starts the wait at a stop that is reached.
func (d *Driver) allowed() float64 {
	legs := d.route.legs
	v := legs[d.leg].limit
	ahead := legs[d.leg].at + legs[d.leg].length - d.at
	for k := 1; k <= len(legs) && ahead < v*v/(2*brakes)+5; k++ {
		i := (d.leg + k) % len(legs)
		if legs[i].stop > 0 && i != d.passed {
			if ahead < 1 {
				d.passed, d.standing, d.speed = i, legs[i].stop, 0
				return 0
			}
			return min(v, max(0.8, math.Sqrt(2*brakes*max(0, ahead-0.5))))
		}
		v = min(v, math.Sqrt(legs[i].limit*legs[i].limit+2*brakes*ahead))
		ahead += legs[i].length
	}
	return v
}

const earth = 6_371_008.8 // mean radius in metres

// distance is in metres, for places near each other.
func distance(lat1, lng1, lat2, lng2 float64) float64 {
	x := radians(lng2-lng1) * math.Cos(radians((lat1+lat2)/2))
	return earth * math.Hypot(x, radians(lat2-lat1))
}

// bearing is in degrees clockwise from north.
func bearing(lat1, lng1, lat2, lng2 float64) float64 {
	x := radians(lng2-lng1) * math.Cos(radians((lat1+lat2)/2))
	b := math.Atan2(x, radians(lat2-lat1)) * 180 / math.Pi
	return math.Mod(b+360, 360)
}

// angle is the turn from one course to another, -180 to 180.
func angle(from, to float64) float64 {
	return math.Mod(to-from+540, 360) - 180
}

func radians(deg float64) float64 { return deg * math.Pi / 180 }
