package fanout

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"mime"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// format is one of the forms that history comes in.
type format struct {
	name, mime, file string
	open             func(*bufio.Writer) eventWriter
}

// eventWriter writes events one by one. Errors of the connection stick in the bufio.Writer; event returns them, so that the reading stops.
type eventWriter interface {
	begin(vehicle string)
	event(*protocols.Event) error
	end(cursor string)
}

var formats = []format{
	{"json", "application/json", "", func(w *bufio.Writer) eventWriter { return &jsonWriter{w: w} }},
	{"ndjson", "application/x-ndjson", "ndjson", func(w *bufio.Writer) eventWriter { return &ndjsonWriter{w: w} }},
	{"csv", "text/csv; charset=utf-8", "csv", func(w *bufio.Writer) eventWriter { return &csvWriter{w: w, csv: csv.NewWriter(w)} }},
	{"geojson", "application/geo+json", "geojson", func(w *bufio.Writer) eventWriter { return &geoWriter{w: w} }},
	{"gpx", "application/gpx+xml", "gpx", func(w *bufio.Writer) eventWriter { return &gpxWriter{w: w} }},
}

// formatOf picks by the format parameter, else the first of the Accept header that we have, else JSON. False: the parameter names none.
func formatOf(parameter, accept string) (format, bool) {
	for _, f := range formats {
		if f.name == parameter {
			return f, true
		}
	}
	if parameter != "" {
		return format{}, false
	}
	for _, part := range strings.Split(accept, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil || params["q"] == "0" {
			continue
		}
		switch kind {
		case "application/ndjson", "application/jsonl", "application/x-jsonlines":
			kind = "application/x-ndjson"
		}
		for _, f := range formats {
			if m, _, _ := strings.Cut(f.mime, ";"); m == kind {
				return f, true
			}
		}
	}
	return formats[0], true
}

// jsonWriter writes {"events":[...],"cursor":...}.
type jsonWriter struct {
	w   *bufio.Writer
	n   int
	buf []byte
}

func (j *jsonWriter) begin(string) { j.w.WriteString(`{"events":[`) }

func (j *jsonWriter) event(e *protocols.Event) error {
	j.buf = j.buf[:0]
	if j.n++; j.n > 1 {
		j.buf = append(j.buf, ',')
	}
	j.buf = e.AppendJSON(j.buf)
	_, err := j.w.Write(j.buf)
	return err
}

func (j *jsonWriter) end(cursor string) {
	j.w.WriteString(`],"cursor":`)
	j.w.Write(jsonCursor(cursor))
	j.w.WriteString("}\n")
}

func jsonCursor(cursor string) []byte {
	if cursor == "" {
		return []byte("null")
	}
	b, _ := json.Marshal(cursor)
	return b
}

// ndjsonWriter writes an event a line.
type ndjsonWriter struct {
	w   *bufio.Writer
	buf []byte
}

func (n *ndjsonWriter) begin(string) {}
func (n *ndjsonWriter) end(string)   {}
func (n *ndjsonWriter) event(e *protocols.Event) error {
	n.buf = append(e.AppendJSON(n.buf[:0]), '\n')
	_, err := n.w.Write(n.buf)
	return err
}

// csvWriter writes RFC 4180 with a header line. Attributes are one JSON cell: their names differ from device to device.
type csvWriter struct {
	w   *bufio.Writer
	csv *csv.Writer
	row []string
}

var csvColumns = []string{"time", "received", "vehicle", "device", "protocol", "kind", "lat", "lng", "valid", "alt_m", "speed_kmh",
	"course_deg", "sats", "hdop", "late", "alarm", "id", "seq", "attrs"}

func (c *csvWriter) begin(string) { c.csv.Write(csvColumns) }

func (c *csvWriter) end(string) { c.csv.Flush() }

func (c *csvWriter) event(e *protocols.Event) error {
	number := func(has protocols.Fields, v float64) string {
		if e.Has&has == 0 {
			return ""
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	valid := ""
	if e.Has&protocols.HasFix != 0 {
		valid = strconv.FormatBool(e.Valid)
	}
	c.row = append(c.row[:0], e.Time.String(), e.Received.String(), cell(e.Vehicle), cell(e.Device), cell(e.Protocol), e.Kind.String(),
		number(protocols.HasFix, e.Lat), number(protocols.HasFix, e.Lng), valid, number(protocols.HasAlt, e.Alt),
		number(protocols.HasSpeed, e.Speed), number(protocols.HasCourse, e.Course), number(protocols.HasSats, float64(e.Sats)),
		number(protocols.HasHDOP, e.HDOP), strconv.FormatBool(e.Late), cell(e.Alarm), cell(e.ID()), e.Seq(), string(e.Attrs.AppendJSON(nil)))
	if err := c.csv.Write(c.row); err != nil {
		return err
	}
	if c.w.Buffered() > 16<<10 { // csv.Writer has taken c.w as its own buffer
		c.csv.Flush()
	}
	return c.csv.Error()
}

// cell keeps a spreadsheet from taking a text for a formula: whoever reports to us chooses ids.
func cell(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r\n|%", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// geoWriter writes a GeoJSON feature collection (RFC 7946), an event a feature; one without a fix has no geometry.
type geoWriter struct {
	w   *bufio.Writer
	n   int
	buf []byte
}

func (g *geoWriter) begin(string) { g.w.WriteString(`{"type":"FeatureCollection","features":[`) }

func (g *geoWriter) event(e *protocols.Event) error {
	b := g.buf[:0]
	if g.n++; g.n > 1 {
		b = append(b, ',')
	}
	b = append(b, `{"type":"Feature","geometry":`...)
	if e.Has&protocols.HasFix == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, `{"type":"Point","coordinates":[`...)
		b = strconv.AppendFloat(b, e.Lng, 'f', -1, 64)
		b = strconv.AppendFloat(append(b, ','), e.Lat, 'f', -1, 64)
		if e.Has&protocols.HasAlt != 0 {
			b = strconv.AppendFloat(append(b, ','), e.Alt, 'f', -1, 64)
		}
		b = append(b, "]}"...)
	}
	b = e.AppendJSON(append(b, `,"properties":`...))
	g.buf = append(b, '}')
	_, err := g.w.Write(g.buf)
	return err
}

func (g *geoWriter) end(cursor string) {
	g.w.WriteString(`],"cursor":`)
	g.w.Write(jsonCursor(cursor))
	g.w.WriteString("}\n")
}

// gpxWriter writes a GPX 1.1 track of the valid fixes. GPX 1.1 has no element for the speed; it goes where everybody looks for it, into
// Garmin's TrackPointExtension, in m/s.
type gpxWriter struct {
	w   *bufio.Writer
	buf []byte
}

func (g *gpxWriter) begin(vehicle string) {
	g.w.WriteString(xml.Header + `<gpx version="1.1" creator="trackgate" xmlns="http://www.topografix.com/GPX/1/1"` +
		` xmlns:tpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2"><trk><name>`)
	xml.EscapeText(g.w, []byte(vehicle))
	g.w.WriteString("</name><trkseg>\n")
}

func (g *gpxWriter) event(e *protocols.Event) error {
	if e.Has&protocols.HasFix == 0 || !e.Valid {
		return nil
	}
	element := func(b []byte, name string, v float64) []byte {
		b = append(append(append(b, '<'), name...), '>')
		b = strconv.AppendFloat(b, v, 'f', -1, 64)
		return append(append(append(b, "</"...), name...), '>')
	}
	b := strconv.AppendFloat(append(g.buf[:0], `<trkpt lat="`...), e.Lat, 'f', -1, 64)
	b = strconv.AppendFloat(append(b, `" lon="`...), e.Lng, 'f', -1, 64)
	b = append(b, `">`...)
	if e.Has&protocols.HasAlt != 0 {
		b = element(b, "ele", e.Alt)
	}
	b = append(e.Time.AppendRFC3339(append(b, "<time>"...)), "</time>"...)
	if e.Has&protocols.HasSats != 0 {
		b = element(b, "sat", float64(e.Sats))
	}
	if e.Has&protocols.HasHDOP != 0 {
		b = element(b, "hdop", e.HDOP)
	}
	if e.Has&(protocols.HasSpeed|protocols.HasCourse) != 0 {
		b = append(b, "<extensions><tpx:TrackPointExtension>"...)
		if e.Has&protocols.HasSpeed != 0 {
			b = element(b, "tpx:speed", float64(int64(e.Speed/3.6*1000+0.5))/1000)
		}
		if e.Has&protocols.HasCourse != 0 {
			b = element(b, "tpx:course", e.Course)
		}
		b = append(b, "</tpx:TrackPointExtension></extensions>"...)
	}
	g.buf = append(b, "</trkpt>\n"...)
	_, err := g.w.Write(g.buf)
	return err
}

func (g *gpxWriter) end(string) { g.w.WriteString("</trkseg></trk></gpx>\n") }
