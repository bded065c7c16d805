package castel

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"accelerations_mg":  {Type: "list", Unit: "mg", Meaning: "accelerations as lists of x, y and z"},
	"alarm_ended":       {Type: "bool", Meaning: "the alarm of alarm_code is over"},
	"alarm_threshold":   {Type: "number", Meaning: "threshold of the alarm, in the device's unit"},
	"alarm_value":       {Type: "number", Meaning: "value that raised the alarm, in the device's unit"},
	"clock_s":           {Type: "number", Unit: "s", Meaning: "the device's clock in seconds since 1970, as sent"},
	"device_state_high": {Type: "number", Meaning: "state of the device, the last four bytes"},
	"device_state_low":  {Type: "number", Meaning: "state of the device, the first four bytes"},
	"dtc_cleared_km":    {Type: "number", Unit: "km", Meaning: "distance since the trouble codes were cleared"},
	"dtc_details":       {Type: "list", Meaning: "what a commercial vehicle adds to each of dtcs, in hex"},
	"dtcs":              {Type: "list", Meaning: "trouble codes of the vehicle"},
	"engine_runtime_s":  {Type: "number", Unit: "s", Meaning: "time since the engine started"},
	"flag":              {Type: "number", Meaning: "flag of a snapshot or of trouble codes as sent"},
	"flags":             {Type: "number", Meaning: "flags of a tracker as sent"},
	"fragment":          {Type: "number", Meaning: "number of this part of an answer"},
	"fragments":         {Type: "number", Meaning: "number of parts of the answer"},
	"fuel_adc":          {Type: "number", Meaning: "analog value of the fuel sensor as sent"},
	"geofence_flags":    {Type: "number", Meaning: "flags of the fence as sent"},
	"gps_raw":           {Type: "text", Meaning: "a position without a date, in hex"},
	"groups":            {Type: "number", Meaning: "number of groups of values, where it is not 1; the first is read"},
	"ignition_on_s":     {Type: "number", Unit: "s", Meaning: "when the ignition was last switched on, in seconds since 1970"},
	"intake_air_c":      {Type: "number", Unit: "°C", Meaning: "intake air temperature"},
	"intake_map_kpa":    {Type: "number", Unit: "kPa", Meaning: "intake manifold pressure"},
	"mil_state":         {Type: "number", Meaning: "malfunction lamp as sent"},
	"mil_distance_km":   {Type: "number", Unit: "km", Meaning: "distance with the malfunction lamp on"},
	"obd_odometer_m":    {Type: "number", Unit: "m", Meaning: "the vehicle's own odometer"},
	"parameters":        {Type: "list", Meaning: "numbers of the parameters that the device has"},
	"record":            {Type: "number", Meaning: "number of the record on the device"},
	"sampling_s":        {Type: "number", Unit: "s", Meaning: "interval of sampling"},
	"supported":         {Type: "list", Meaning: "numbers of the values that the vehicle offers"},
	"trip_fuel_l":       {Type: "number", Unit: "l", Meaning: "fuel consumed on the trip"},
}
