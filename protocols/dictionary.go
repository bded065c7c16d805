package protocols

// Dictionary names every attribute that events may carry, with its unit and meaning: the same physical thing has the same name and unit in
// every protocol. Names are snake_case and end in their unit where they have one. An element without a name here is kept as io_<id>.
//
// Entries stand in alphabetical order; docs/event.md is generated from them.
var Dictionary = map[string]Attribute{}

// Attribute documents one name of the dictionary.
type Attribute struct {
	Type    string // "number", "bool", "text", "list", "object"
	Unit    string // as people write it: "V", "km/h"; empty without one
	Meaning string
}
