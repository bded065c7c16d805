package simulate

import (
	"math"
	"slices"
	"time"
)

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
