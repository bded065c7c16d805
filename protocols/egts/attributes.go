package egts

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// attributes are the names that only this protocol uses.
var attributes = func() map[string]protocols.Attribute {
	m := map[string]protocols.Attribute{
		"accel_samples":      {Type: "list", Meaning: "samples of the acceleration sensor: dt since acceleration_start in ms, x, y, z in 0.1 m/s²"},
		"acceleration_start": {Type: "number", Unit: "s", Meaning: "when the samples of the acceleration sensor begin, Unix time"},
		"backup_battery_v":   {Type: "number", Unit: "V", Meaning: "voltage of the backup battery"},
		"backup_in_use":      {Type: "bool", Meaning: "the device runs on its backup battery"},
		"battery_in_use":     {Type: "bool", Meaning: "the device runs on its internal battery"},
		"command_state":      {Type: "number", Meaning: "code with which the device confirms a command, 0 is done"},
		"command_code":       {Type: "number", Meaning: "code of the command that a message of the service of commands is about"},
		"device_time":        {Type: "text", Meaning: "a time more than a day ahead of the receipt, as sent"},
		"event_value":        {Type: "number", Meaning: "data of the cause of the record"},
		"event_id":           {Type: "number", Meaning: "number of the event that ties records together"},
		"fix_3d":             {Type: "bool", Meaning: "the fix has three dimensions"},
		"gnss_on":            {Type: "bool", Meaning: "the satellite receiver is switched on"},
		"gnss_systems":       {Type: "number", Meaning: "satellite systems as a bit mask: 1 GLONASS, 2 GPS, 4 Galileo, 8 Compass"},
		"mode":               {Type: "number", Meaning: "0 passive, 1 ERA, 2 active, 3 emergency call, 4 emergency tracking, 5 test, 6 service, 7 update"},
		"module_name":        {Type: "text", Meaning: "description of the module"},
		"module_serial":      {Type: "text", Meaning: "serial number of the module"},
		"module_state":       {Type: "number", Meaning: "state of the module as sent"},
		"module_type":        {Type: "number", Meaning: "type of the module as sent"},
		"module_vendor":      {Type: "number", Meaning: "vendor of the module as sent"},
		"propulsion":         {Type: "number", Meaning: "what drives the vehicle, as a bit mask"},
		"pz90":               {Type: "bool", Meaning: "the coordinates are of PZ-90, here taken for WGS84"},
		"service":            {Type: "number", Meaning: "service that sent the record, where it is not that of telemetry"},
		"vdop":               {Type: "number", Meaning: "vertical dilution of precision"},
		"vehicle_type":       {Type: "number", Meaning: "type of the vehicle as sent"},
	}
	for i, name := range octetNames {
		m[name] = protocols.Attribute{Type: "number", Meaning: fmt.Sprintf("octet %d of further digital inputs, as a bit mask", i+1)}
	}
	for i, name := range analogNames {
		m[name] = protocols.Attribute{Type: "number", Meaning: fmt.Sprintf("analog sensor %d of the common record, as sent", i+1)}
	}
	for i := range named {
		m[oneAnalogNames[i]] = protocols.Attribute{Type: "number", Meaning: fmt.Sprintf("analog sensor with number %d, as sent", i)}
		m[counterNames[i]] = protocols.Attribute{Type: "number", Meaning: fmt.Sprintf("counter %d", i)}
		m[oneInputNames[i]] = protocols.Attribute{Type: "number", Meaning: fmt.Sprintf("state of the digital sensor with number %d", i)}
		m[loopNames[i]] = protocols.Attribute{Type: "number", Meaning: fmt.Sprintf("state of the current loop %d", i)}
	}
	for i, names := range levelNames {
		m[names[liquidRaw]] = protocols.Attribute{Type: "number", Meaning: fmt.Sprintf("level sensor %d, as sent", i)}
		m[names[liquidPercent]] = protocols.Attribute{Type: "number", Unit: "%", Meaning: fmt.Sprintf("level sensor %d", i)}
		m[names[liquidTenths]] = protocols.Attribute{Type: "number", Unit: "l", Meaning: fmt.Sprintf("level sensor %d", i)}
		m[levelModules[i]] = protocols.Attribute{Type: "number", Meaning: fmt.Sprintf("address of level sensor %d", i)}
	}
	return m
}()

// Names of sensors that have a number.
var (
	octetNames     = numbered("input_octet%d", 1, 8)
	analogNames    = numbered("an%d", 1, 8)
	oneAnalogNames = numbered("analog%d", 0, named)
	counterNames   = numbered("counter%d", 0, named)
	oneInputNames  = numbered("digital%d", 0, named)
	loopNames      = numbered("loop%d", 0, named)
	levelModules   = numbered("fuel%d_module", 0, 8)
	levelNames     = func() (list [8][3]string) {
		for i := range list {
			list[i] = [3]string{fmt.Sprintf("fuel%d_raw", i), fmt.Sprintf("fuel%d_pct", i), fmt.Sprintf("fuel%d_l", i)}
		}
		return list
	}()
)

// numbered are n names, from the first number on.
func numbered(format string, first, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, first+i)
	}
	return list
}
