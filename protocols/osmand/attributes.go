package osmand

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"accuracy_m":     {Type: "number", Unit: "m", Meaning: "accuracy of the fix as the phone estimates it"},
	"activity":       {Type: "text", Meaning: "what the phone thinks its owner does: still, walking, in_vehicle, ..."},
	"device_time":    {Type: "text", Meaning: "a time as sent, where it is no usable one"},
	"event_text":     {Type: "text", Meaning: "what caused the report, in the client's words"},
	"fuel":           {Type: "number", Meaning: "fuel as sent, its unit is the client's"},
	"mock":           {Type: "bool", Meaning: "the position is simulated"},
	"network_fix":    {Type: "bool", Meaning: "the accuracy is that of a radio network"},
	"params":         {Type: "object", Meaning: "further parameters by the client's own names"},
	"params_dropped": {Type: "number", Meaning: "parameters beyond the limits of count and size"},
	"rssi":           {Type: "number", Meaning: "the client's own"},
}
