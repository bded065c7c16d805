package simulate

import (
	"bufio"
	"embed"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
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
