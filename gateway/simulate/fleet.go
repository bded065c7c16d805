package simulate

import (
	"errors"
	"math/rand/v2"
)

// Fleet makes n devices that drive the built-in routes, every other one a GT06, the rest Teltonika. Device i is the same one
// in every run, so that its history goes on.
func Fleet(n int, gateway string) ([]*Device, error) {
	routes, err := Routes()
	if err != nil {
		return nil, err
	}
	if len(routes) == 0 {
		return nil, errors.New("no routes")
	}
	var out []*Device
	for i := range n {
		d := &Device{IMEI: IMEI(i + 1), Gateway: gateway}
		if i%2 == 0 {
			d.Wire = &GT06{IMEI: d.IMEI}
		} else {
			d.Wire = &Teltonika{IMEI: d.IMEI}
		}
		d.Driver = NewDriver(routes[i%len(routes)], rand.Float64())
		out = append(out, d)
	}
	return out, nil
}
