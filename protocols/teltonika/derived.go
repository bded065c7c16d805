package teltonika

import "github.com/trackgate/trackgate/protocols"

// derivedAttributes documents the attributes that no single row of avl-ids.csv names.
var derivedAttributes = map[string]protocols.Attribute{
	"axle1_load_kg": {Type: "number", Unit: "kg", Meaning: "load on axle 1"},
	"axle2_load_kg": {Type: "number", Unit: "kg", Meaning: "load on axle 2"},
	"axle3_load_kg": {Type: "number", Unit: "kg", Meaning: "load on axle 3"},
	"axle4_load_kg": {Type: "number", Unit: "kg", Meaning: "load on axle 4"},
	"axle5_load_kg": {Type: "number", Unit: "kg", Meaning: "load on axle 5"},
	"axle6_load_kg": {Type: "number", Unit: "kg", Meaning: "load on axle 6"},
	"axle7_load_kg": {Type: "number", Unit: "kg", Meaning: "load on axle 7"},
	"axle8_load_kg": {Type: "number", Unit: "kg", Meaning: "load on axle 8"},

	"beacon_part":          {Type: "number", Meaning: "which part of a list of beacons that is spread over records"},
	"beacon_parts":         {Type: "number", Meaning: "how many parts that list has"},
	"beacons_cut":          {Type: "bool", Meaning: "true: the list of beacons was too long to keep whole"},
	"blood_alcohol_mode":   {Type: "number", Meaning: "how the blood alcohol was measured, as sent"},
	"cell_id_short":        {Type: "number", Meaning: "16-bit id of the serving cell, beside the long one in cells"},
	"codec":                {Type: "number", Meaning: "codec of a packet that could not be read"},
	"driver1_time_warning": {Type: "number", Meaning: "driving time of driver 1: 0 none, then one step for each limit that is near or reached"},
	"driver2_time_warning": {Type: "number", Meaning: "driving time of driver 2, likewise"},
	"generation_type":      {Type: "number", Meaning: "how the cause came about: 0 exit, 1 entrance, 2 both, 4 hysteresis, 5 change, 6 eventual, 7 periodic"},
	"ibutton_ok":           {Type: "bool", Meaning: "false: the number of the driver's key has a wrong check byte"},
	"iccid_end":            {Type: "text", Meaning: "second half of the SIM's serial number, when the first is missing"},
	"imei":                 {Type: "text", Meaning: "device that the message names, where it is not the connection's"},
	"io_count_ok":          {Type: "bool", Meaning: "false: the record announces another number of elements than it has"},
	"load_trailer_kg":      {Type: "number", Unit: "kg", Meaning: "load of the trailer"},
	"load_truck_kg":        {Type: "number", Unit: "kg", Meaning: "load of the truck"},
	"security_flags":       {Type: "text", Meaning: "the security state mask in hex"},
	"time_raw":             {Type: "text", Meaning: "time of the record as sent, in hex, where it is beyond the year 9999"},
	"total_trailer_kg":     {Type: "number", Unit: "kg", Meaning: "weight of the trailer"},
	"total_truck_kg":       {Type: "number", Unit: "kg", Meaning: "weight of the truck"},
}
