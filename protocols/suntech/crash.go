package suntech

import (
	"encoding/hex"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// crashSeconds is when each record of a crash report was taken, relative to the crash.
var crashSeconds = [crashRecords]protocols.Millis{-3, -2, -1, 1}

// crash reads a part of a crash report, CRR;id;part;parts; and binary. All parts together are the time of the crash in six bytes and four
// records, little endian:
//
//	lat 4 | lng 4 | speed 2 | course 2 | 100 × acceleration in three directions, 2 each
//
// A report that came in one part is read; of one in several, the first part gives time and place, and each is kept as it is.
func (c *call) crash() error {
	part, ok1 := integer(c.get(2))
	parts, ok2 := integer(c.get(3))
	if len(c.data) == 0 || !ok1 || !ok2 {
		return c.other("u", 2)
	}
	if err := c.learn(c.get(1), "u"); err != nil {
		return err
	}
	b := c.data
	r := protocols.NewReader(b)
	d := r.Peek(6)
	var at protocols.Millis
	if part == 1 && d != nil {
		at, _ = protocols.Civil(2000+int(d[0]), int(d[1]), int(d[2]), int(d[3]), int(d[4]), int(d[5]), protocols.Zone{})
		r.Skip(6)
	}
	if part == 1 && parts == 1 && r.Len() >= crashRecords*crashRecord {
		for i := range crashRecords {
			e := c.f.Add(protocols.Status)
			if at != 0 {
				e.Time = at + 1000*crashSeconds[i]
			}
			e.Alarm = "collision"
			crashPlace(e, &r)
			e.JSON("crash_samples", accelerations(&r))
			c.finish(e)
		}
		return nil
	}
	e := c.f.Add(protocols.Status)
	e.Int("part", part)
	e.Int("parts", parts)
	if part == 1 {
		e.Time = at
		e.Alarm = "collision"
		if r.Len() >= 12 {
			e.Time += 1000 * crashSeconds[0]
			crashPlace(e, &r)
		}
	}
	e.JSON("crash_data", strconv.Quote(hex.EncodeToString(b)))
	c.finish(e)
	return nil
}

// crashPlace reads coordinates in 1e-7 degrees, speed and course in hundredths.
func crashPlace(e *protocols.Event, r *protocols.Reader) {
	lat, lng := int32(r.U32LE()), int32(r.U32LE())
	e.SetFix(float64(lat)/1e7, float64(lng)/1e7, true)
	e.SetSpeed(float64(r.U16LE()) / 100)
	e.SetCourse(float64(r.U16LE()) / 100)
}

// accelerations reads 100 samples in three directions as a JSON list of lists.
func accelerations(r *protocols.Reader) string {
	b := make([]byte, 0, 2048)
	for i := range 100 {
		b = append(b, "[,"[min(i, 1)])
		for k := range 3 {
			b = append(b, "[,"[min(k, 1)])
			b = strconv.AppendInt(b, int64(int16(r.U16LE())), 10)
		}
		b = append(b, ']')
	}
	return string(append(b, ']'))
}
