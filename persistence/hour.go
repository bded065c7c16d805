package persistence

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Hour sums up one hour of one vehicle. Speeds, places and odometer are those of valid fixes or as sent; they are nil where none was.
type Hour struct {
	Start                    protocols.Millis // of the hour, UTC
	Events                   int64
	Fixes                    int64 // events with a valid fix
	Alarms                   int64
	AvgSpeed, MaxSpeed       *float64 // km/h
	FirstLat, FirstLng       *float64
	LastLat, LastLng         *float64
	OdometerMin, OdometerMax *float64 // m; driven is their difference, while one device with a working odometer is on the vehicle
}

// AppendJSON appends the hour as a JSON object; what is nil is absent.
func (h *Hour) AppendJSON(b []byte) []byte {
	b = append(b, `{"time":"`...)
	b = h.Start.AppendRFC3339(b)
	b = strconv.AppendInt(append(b, `","events":`...), h.Events, 10)
	b = strconv.AppendInt(append(b, `,"fixes":`...), h.Fixes, 10)
	b = strconv.AppendInt(append(b, `,"alarms":`...), h.Alarms, 10)
	number := func(name string, v *float64, decimals float64) {
		if v == nil {
			return
		}
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = strconv.AppendFloat(b, float64(int64(*v*decimals+half(*v)))/decimals, 'f', -1, 64)
	}
	number("avg_speed", h.AvgSpeed, 100)
	number("max_speed", h.MaxSpeed, 100)
	number("first_lat", h.FirstLat, 1e7)
	number("first_lng", h.FirstLng, 1e7)
	number("last_lat", h.LastLat, 1e7)
	number("last_lng", h.LastLng, 1e7)
	if h.OdometerMin != nil && h.OdometerMax != nil {
		driven := *h.OdometerMax - *h.OdometerMin
		number("odometer_m", h.OdometerMax, 10)
		number("driven_m", &driven, 10)
	}
	return append(b, '}')
}

func half(v float64) float64 {
	if v < 0 {
		return -0.5
	}
	return 0.5
}
