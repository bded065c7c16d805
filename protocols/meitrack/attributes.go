package meitrack

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"ad1":                {Type: "number", Meaning: "analog input 1 as sent, where its scale is not known"},
	"ad2":                {Type: "number", Meaning: "analog input 2 as sent, where its scale is not known"},
	"ad3":                {Type: "number", Meaning: "analog input 3 as sent, where its scale is not known"},
	"ad5":                {Type: "number", Meaning: "external supply as sent, where its scale is not known"},
	"battery2_pct":       {Type: "number", Unit: "%", Meaning: "charge of battery 2"},
	"battery3_pct":       {Type: "number", Unit: "%", Meaning: "charge of battery 3"},
	"battery_alert":      {Type: "number", Meaning: "alert of the batteries, the device's own code"},
	"camera_alarm":       {Type: "number", Meaning: "what the camera saw, its own code"},
	"consumption":        {Type: "number", Meaning: "CCE item A2 in hundredths, its unit depends on the vehicle"},
	"custom":             {Type: "text", Meaning: "customised data as sent"},
	"event_value":        {Type: "number", Meaning: "CCC: what the device adds to the event"},
	"event_data":         {Type: "text", Meaning: "what the device adds to the event"},
	"fields":             {Type: "text", Meaning: "fields that have no meaning here, as sent"},
	"fuel_used":          {Type: "number", Meaning: "CCE item 98 as sent"},
	"gps_v":              {Type: "number", Unit: "V", Meaning: "supply of the satellite receiver"},
	"mcu_v":              {Type: "number", Unit: "V", Meaning: "supply of the processor"},
	"network":            {Type: "text", Meaning: "kind of mobile network"},
	"obd_consumption":    {Type: "number", Meaning: "CCE item C9 as sent"},
	"obd_odometer_m":     {Type: "number", Unit: "m", Meaning: "odometer by the vehicle's bus"},
	"obd_temp_c":         {Type: "number", Unit: "°C", Meaning: "CCE item 9F: a temperature by the vehicle's bus"},
	"picture":            {Type: "text", Meaning: "name of a picture on the device"},
	"picture_parts":      {Type: "number", Meaning: "parts of the picture that is complete now"},
	"rssi":               {Type: "number", Meaning: "0 to 31"},
	"rtc_v":              {Type: "number", Unit: "V", Meaning: "supply of the clock"},
	"runtime_s":          {Type: "number", Unit: "s", Meaning: "run time of the device"},
	"source":             {Type: "number", Meaning: "CCE item 1B: flags of charge and source"},
	"tacho_speed_kmh":    {Type: "number", Unit: "km/h", Meaning: "speed by the tachograph, where the bus tells another too"},
	"taximeter_distance": {Type: "number", Meaning: "taximeter: distance as sent"},
	"taximeter_end":      {Type: "text", Meaning: "taximeter: end of the ride as sent"},
	"taximeter_fare":     {Type: "number", Meaning: "taximeter: fare as sent"},
	"taximeter_start":    {Type: "text", Meaning: "taximeter: start of the ride as sent"},
	"taximeter_state":    {Type: "text", Meaning: "taximeter: state as sent"},
	"taximeter_trip":     {Type: "text", Meaning: "taximeter: trip as sent"},
	"taximeter_wait":     {Type: "text", Meaning: "taximeter: waiting time as sent"},
	"version":            {Type: "number", Meaning: "version of the protocol"},
	"wifi_count":         {Type: "number", Meaning: "CCE item 27: access points in reach, or reserved"},
}

func init() {
	for _, name := range temps {
		if _, common := protocols.Dictionary[name]; !common {
			attributes[name] = protocols.Attribute{Type: "number", Unit: "°C", Meaning: "temperature sensor " + name[4:5]}
		}
	}
	for _, name := range tempSensors {
		attributes[name] = protocols.Attribute{Type: "number", Meaning: "number of the sensor that " + name[:5] + "_c comes from"}
	}
	for _, name := range further {
		attributes[name] = protocols.Attribute{Type: "text", Meaning: "further data as sent, by place"}
	}
}
