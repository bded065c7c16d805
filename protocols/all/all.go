// Package all is the list of every protocol, made from the folders beside it, and the tests that each of them must pass.
package all

import "github.com/trackgate/trackgate/protocols"

//go:generate go run generate.go
//go:generate go test . -run ^(TestEventReference|TestCatalogue)$ -update

// ByName returns the protocol of that name, or nil.
func ByName(name string) *protocols.Protocol {
	for _, p := range Protocols {
		if p.Name == name {
			return p
		}
	}
	return nil
}
