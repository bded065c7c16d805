package queclink

// family says which layout a model's messages have where the form of the fields does not tell.
type family uint8

const (
	vehicle  family = iota // GV and relatives
	asset                  // GL200 and GL300
	sleeper                // GL50 and GL500: signal and bit errors behind the cell
	wearable               // GT501
	dashcam                // CV
)

// model is what is known of a device type.
type model struct {
	name   string // as in the default password, in lower case
	family family
	vin    bool // the VIN stands in front of the name
	ports  bool // GV200: inputs and outputs instead of a device status
}

// models by the device type: the first characters of the protocol version.
var models = map[string]model{
	"02": {name: "gl200", family: asset}, "04": {name: "gv200", ports: true}, "06": {name: "gv300"}, "07": {family: asset},
	"08": {name: "gmt100"}, "0F": {name: "gv55"}, "10": {name: "gv55lite"}, "11": {name: "gl500", family: asset},
	"1A": {name: "gl300", family: asset}, "1F": {name: "gv500", vin: true}, "21": {name: "gl200", family: asset},
	"25": {name: "gv300"}, "27": {name: "gv300w"}, "28": {name: "gl300vc", family: asset}, "2C": {name: "gl300w", family: asset},
	"2D": {name: "gv500vc", vin: true}, "2E": {family: sleeper}, "2F": {name: "gv55"}, "30": {name: "gl300", family: asset},
	"31": {name: "gv65"}, "35": {name: "gv200", ports: true}, "36": {name: "gv500", vin: true}, "3F": {name: "gmt100"},
	"40": {name: "gl500", family: sleeper}, "41": {name: "gv75w"}, "42": {name: "gt501", family: wearable},
	"44": {name: "gl530", family: sleeper}, "45": {name: "gb100"}, "4F": {name: "gv56"}, "50": {name: "gv55w"},
	"52": {name: "gl50", family: sleeper}, "55": {name: "gl50b", family: sleeper}, "5E": {name: "gv500map", vin: true},
	"6E": {name: "gv310lau"}, "BD": {name: "cv200", family: dashcam}, "C2": {name: "gv600m"}, "C3": {name: "gl320m", family: asset},
	"DC": {name: "gv600mg"}, "DE": {name: "gl500m", family: sleeper}, "DF": {name: "cv100lg", family: dashcam},
	"F1": {name: "gv350m"}, "F8": {name: "gv800w"}, "FC": {name: "gv600w"},
	"802004": {name: "gv58lau"}, "802005": {name: "gv355ceu"}, "80201E": {name: "gv30ceu"},
}

// modelOf is the model of a protocol version of 6 or 10 characters; what is unknown is a vehicle's.
func modelOf(version []byte) model {
	switch len(version) {
	case 6:
		return models[string(version[:2])]
	case 10:
		return models[string(version[:6])]
	}
	return model{}
}
