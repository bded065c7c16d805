package calamp

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = func() map[string]protocols.Attribute {
	m := map[string]protocols.Attribute{
		"acc_format":            {Type: "number", Meaning: "form of the accumulators, where it is one that is not documented"},
		"acc_mask":              {Type: "number", Meaning: "which accumulators passed their threshold"},
		"acc_threshold":         {Type: "number", Meaning: "threshold of the accumulators"},
		"app_type":              {Type: "number", Meaning: "type of application data: 100 motion log, 131 vehicle bus"},
		"append":                {Type: "number", Meaning: "which data follows the accumulators, as sent"},
		"carrier":               {Type: "number", Meaning: "country or network code of the operator, as sent"},
		"comm_state":            {Type: "number", Meaning: "bits of the modem: 0 available, 1 network, 2 data, 3 connected, 4 call, 5 roaming, 6-7 technology"},
		"configuration_version": {Type: "number", Meaning: "version of the unit's configuration"},
		"event_index":           {Type: "number", Meaning: "index of the event in the unit's script"},
		"fix_age_s":             {Type: "number", Unit: "s", Meaning: "time of the report less the time of its fix, where they differ"},
		"message_id":            {Type: "number", Meaning: "number of the user message"},
		"message_route":         {Type: "number", Meaning: "port that the user message came through"},
		"raw_rest":              {Type: "text", Meaning: "bytes behind the last known field, in hex, where raw is taken"},
		"script_version":        {Type: "number", Meaning: "version of the unit's script"},
	}
	for _, name := range accNames {
		m[name] = protocols.Attribute{Type: "number", Meaning: "accumulator " + name[len("acc"):] + " of the unit's script, as sent"}
	}
	return m
}()
