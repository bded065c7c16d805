package load

import (
	"math"
	"time"

	"github.com/trackgate/trackgate/gateway/simulate"
	"github.com/trackgate/trackgate/gateway/simulate/ledger"
)

// record is a fix as it lies in a device's memory, in the units of its protocol.
type record struct {
	time     int64 // by the device's clock, ms since 1970
	lat, lng int32 // degrees times scale
	id       uint32
	course   uint16
	speed    uint8 // km/h
}

// Parts of a degree that the protocols send.
const (
	gt06Scale      = 1_800_000
	teltonikaScale = 10_000_000
)

func keep(f *simulate.Fix, scale float64, id uint32) record {
	return record{
		time: f.Time.UnixMilli(), lat: int32(math.Round(f.Lat * scale)), lng: int32(math.Round(f.Lng * scale)),
		id: id, course: uint16(f.Course), speed: uint8(min(255, math.Round(f.Speed))),
	}
}

func (r *record) fix(scale float64) simulate.Fix {
	return simulate.Fix{
		Time: time.UnixMilli(r.time), Lat: float64(r.lat) / scale, Lng: float64(r.lng) / scale, Speed: float64(r.speed), Course: float64(r.course),
		Sats: 11, Ignition: true, Odometer: int64(r.id),
	}
}

func (r *record) entry(device uint64, scale float64) ledger.Entry {
	return ledger.Entry{Device: device, Record: r.id, Time: r.time, Lat: float64(r.lat) / scale, Lng: float64(r.lng) / scale, Speed: float64(r.speed)}
}

// firstRecord numbers the records of a run that begins now: eight numbers a second since 2026, so that a later run of the same devices, unless they
// make more than that, uses no number again.
func firstRecord(now time.Time) uint32 {
	return uint32(max(0, now.Unix()-1_767_225_600) * 8)
}
