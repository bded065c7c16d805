package wialonips

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// adcNames are the attributes of the analog inputs.
var adcNames = func() (names [16]string) {
	for i := range names {
		names[i] = "adc" + strconv.Itoa(i+1)
	}
	return names
}()

// attributes are the names that only this protocol uses.
var attributes = func() map[string]protocols.Attribute {
	m := map[string]protocols.Attribute{
		"accuracy_m":     {Type: "number", Unit: "m", Meaning: "accuracy of the fix as the device estimates it"},
		"file_last_part": {Type: "number", Meaning: "index of the last block of a photo or a tachograph file"},
		"file_name":      {Type: "text", Meaning: "name of a photo, code of a tachograph file"},
		"file_part":      {Type: "number", Meaning: "index of a block of a photo or a tachograph file, from 0"},
		"file_part_size": {Type: "number", Unit: "bytes", Meaning: "size of that block"},
		"params":         {Type: "object", Meaning: "further parameters by the device's own names"},
	}
	for i, name := range adcNames {
		m[name] = protocols.Attribute{Type: "number", Meaning: "analog input " + strconv.Itoa(i+1) + " as sent"}
	}
	return m
}()
