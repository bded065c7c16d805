// Package ledger keeps books on acknowledgements: a file with each record that a device was told to forget, and the comparison of that file
// with what a store holds. It knows no store; whoever compares hands it the rows.
package ledger

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Entry is an acknowledged record.
//
// Record names it within its device. It travels as the mileage of the record, odometer_m of the event: 32 bits that GT06 (the last four bytes of
// a location) and Teltonika (element 16) both carry, that no decoder scales, and that both databases keep as a 64-bit float, so exactly.
type Entry struct {
	Device   uint64  // IMEI
	Record   uint32  // odometer_m
	Time     int64   // of the fix by the device's clock, ms since 1970
	Lat, Lng float64 // degrees, as the bytes on the wire say: exact
	Speed    float64 // km/h
}

// Head is the first line of a file.
const Head = "device,time,record,lat,lng,speed\n"

// Append appends the line of e.
func (e *Entry) Append(b []byte) []byte {
	b = AppendDevice(b, e.Device)
	b = append(b, ',')
	b = strconv.AppendInt(b, e.Time, 10)
	b = append(b, ',')
	b = strconv.AppendUint(b, uint64(e.Record), 10)
	for _, v := range [...]float64{e.Lat, e.Lng, e.Speed} {
		b = append(b, ',')
		b = strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	return append(b, '\n')
}

// String is the line without its end.
func (e *Entry) String() string {
	b := e.Append(nil)
	return string(b[:len(b)-1])
}

// AppendDevice appends an IMEI with its 15 digits.
func AppendDevice(b []byte, imei uint64) []byte {
	for n := uint64(100_000_000_000_000); n > imei && n > 1; n /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, imei, 10)
}

var errFields = errors.New("six fields are device, time, record, lat, lng, speed")

// parse reads a line without its end.
func parse(line string) (e Entry, err error) {
	var field [6]string
	for i := range field {
		var more bool
		if field[i], line, more = strings.Cut(line, ","); more != (i < 5) {
			return e, errFields
		}
	}
	var errs [6]error
	e.Device, errs[0] = strconv.ParseUint(field[0], 10, 64)
	if len(field[0]) != 15 {
		errs[0] = fmt.Errorf("device %.20q has not 15 digits", field[0])
	}
	e.Time, errs[1] = strconv.ParseInt(field[1], 10, 64)
	record, err := strconv.ParseUint(field[2], 10, 32)
	e.Record, errs[2] = uint32(record), err
	e.Lat, errs[3] = strconv.ParseFloat(field[3], 64)
	e.Lng, errs[4] = strconv.ParseFloat(field[4], 64)
	e.Speed, errs[5] = strconv.ParseFloat(field[5], 64)
	return e, errors.Join(errs[:]...)
}
