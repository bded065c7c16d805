package gps103

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// encode is Protocol.Encode: **,imei:<imei>,<letter>[,<parameter>]. The device answers with a report whose keyword is that letter, small, and a t.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	words, err := commandText(c)
	if err == nil && s.Device == "" {
		err = errors.New("the device has not named itself")
	}
	if err != nil {
		return nil, fmt.Errorf("gps103: %s: %w", c.Name, err)
	}
	b := []byte("**,imei:" + s.Device + "," + words)
	if end, _ := s.Options.Get("semicolon"); end == "true" {
		b = append(b, ';')
	}
	return b, nil
}

// letters are the commands without arguments.
var letters = map[string]string{
	"position": "B", "interval_stop": "D", "clear_alarms": "E", "movement_alarm": "G", "engine_stop": "J", "engine_resume": "K", "arm": "L",
	"disarm": "M", "sms_mode": "N", "geofence_off": "P", "less_gprs_on": "Q", "less_gprs_off": "R", "photo": "160",
}

func commandText(c protocols.Command) (string, error) {
	if letter, ok := letters[c.Name]; ok {
		return letter, nil
	}
	switch c.Name {
	case "custom":
		return custom(c.Text)
	case "interval":
		return interval(c.Args["seconds"])
	case "overspeed":
		n, err := strconv.ParseUint(c.Args["kmh"], 10, 16)
		if err != nil || n > 999 {
			return "", errors.New("argument kmh is 0 to 999")
		}
		return fmt.Sprintf("H,%03d", n), nil
	case "zone":
		n, err := strconv.ParseInt(c.Args["hours"], 10, 8)
		if err != nil || n < -12 || n > 14 {
			return "", errors.New("argument hours is -12 to 14")
		}
		return fmt.Sprintf("I,%d", n), nil
	case "geofence":
		return geofence(c.Args)
	}
	return "", errors.New("unknown command")
}

// custom is the operator's own words: printable, and one command only.
func custom(text string) (string, error) {
	if text == "" || len(text) > 400 {
		return "", errors.New("text: 1 to 400 bytes")
	}
	for _, r := range text {
		if r < ' ' || r > '~' || r == ';' || r == '*' || r == '#' {
			return "", errors.New("text: printable ASCII without ; * #")
		}
	}
	return text, nil
}

// interval is two digits and a unit: seconds up to 59, minutes up to 59, then hours, rounded up.
func interval(seconds string) (string, error) {
	n, err := strconv.ParseUint(seconds, 10, 32)
	if err != nil || n == 0 || n > 99*3600 {
		return "", errors.New("argument seconds is 1 to 356400")
	}
	unit := byte('s')
	if n > 59 {
		n, unit = (n+59)/60, 'm'
	}
	if unit == 'm' && n > 59 {
		n, unit = (n+59)/60, 'h'
	}
	return fmt.Sprintf("C,%02d%c", n, unit), nil
}

// geofence is two corners in degrees.
func geofence(args map[string]string) (string, error) {
	var v [4]string
	for i, name := range [...]string{"lat1", "lng1", "lat2", "lng2"} {
		d, ok := protocols.ParseDecimal([]byte(args[name]))
		if limit := float64(90 + i%2*90); !ok || strings.Contains(args[name], " ") || d.Float() > limit || d.Float() < -limit {
			return "", fmt.Errorf("argument %s is no number of degrees", name)
		}
		v[i] = args[name]
	}
	return "O," + v[0] + "," + v[1] + ";" + v[2] + "," + v[3], nil
}
