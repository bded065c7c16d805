package h02

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// encode is Protocol.Encode: *maker,id,command,hhmmss[,parameters]#. The device repeats hhmmss in its confirmation, and that is what ties the two together: it is
// argument time, or the ID as a second of the day.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	name, params, err := words(s, c)
	if err == nil && s.Device == "" {
		err = errors.New("the device has not named itself")
	}
	clock := c.Args["time"]
	if clock == "" {
		second := c.ID % 86_400
		clock = fmt.Sprintf("%02d%02d%02d", second/3600, second/60%60, second%60)
	}
	if _, ok := commandID([]byte(clock)); !ok && err == nil {
		err = errors.New("argument time is not hhmmss")
	}
	if err != nil {
		return nil, fmt.Errorf("h02: %s: %w", c.Name, err)
	}
	b := []byte("*" + maker(s.State) + "," + s.Device + "," + name + "," + clock)
	if params != "" {
		b = append(append(b, ','), params...)
	}
	return append(b, '#'), nil
}

// words is the command's name and its parameters as the device knows them.
func words(s *protocols.Session, c protocols.Command) (name, params string, err error) {
	switch c.Name {
	case "custom":
		return custom(c.Text)
	case "engine_stop":
		return "S20", "1,1", nil
	case "engine_resume":
		return "S20", "1,0", nil
	case "arm":
		return "SCF", "0,0", nil
	case "disarm":
		return "SCF", "1,1", nil
	case "reboot":
		return "R1", "", nil
	case "clear_alarms":
		return "R7", "", nil
	case "interval":
		return interval(s, c.Args["seconds"])
	case "server":
		return server(c.Args["host"], c.Args["port"])
	}
	return "", "", errors.New("unknown command")
}

// custom is the operator's own words: the command's name, a comma, its parameters. The time comes between.
func custom(text string) (name, params string, err error) {
	for _, r := range text {
		if r < ' ' || r > '~' || r == '#' || r == '*' {
			return "", "", errors.New("text: printable ASCII without * and #")
		}
	}
	name, params, _ = strings.Cut(text, ",")
	if name == "" || len(text) > 400 {
		return "", "", errors.New("text: a command of at most 400 bytes")
	}
	return name, params, nil
}

func interval(s *protocols.Session, seconds string) (name, params string, err error) {
	n, err := strconv.ParseUint(seconds, 10, 16)
	if err != nil || n == 0 {
		return "", "", errors.New("argument seconds is 1 to 65535")
	}
	seconds = strconv.FormatUint(n, 10)
	switch form, _ := s.Options.Get("interval"); form {
	case "d1":
		return "D1", seconds + ",1", nil
	case "s17":
		return "S17", seconds, nil
	case "", "s71":
		return "S71", "22," + seconds, nil
	}
	return "", "", errors.New("option interval is none of s71, s17, d1")
}

func server(host, port string) (name, params string, err error) {
	if host == "" || len(host) > 253 || strings.Trim(host, "0123456789.-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "", "", errors.New("argument host is a name or an address")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", errors.New("argument port is 1 to 65535")
	}
	return "S23", host + "," + port + ",1", nil
}
