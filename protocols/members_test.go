package protocols

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

// FuzzMembers compares eachMember with encoding/json's Decoder.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{
		`{"vehicleId":"123","lat":52.52,"speed":42.5,"time":"2026-06-01T11:59:58Z"}`, ` { "a" : [1,{"b":"]}"}] , "c\"d":"\u00e9\\" , "é":null } tail`, `{}`, `{} x`, `[]`, ``, `{`,
		`{"a"}`, `{"a":1,}`, `{,}`, `{"a":1 2}`, `{"a":}`, `{"a":"\`, `{"a":tru}`, `{"a":true,"b":false}`, `{"a":1]`, `{"a":[}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", `{"a":01}`, `{"a":1e5}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		type member struct{ name, value string }
		var got, want []member
		err := eachMember(raw, func(name, value []byte) error {
			got = append(got, member{string(name), string(value)})
			return nil
		})
		wantErr := decodeMembers(raw, func(name string, value json.RawMessage) { want = append(want, member{name, string(value)}) })
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, encoding/json says %v", raw, err, wantErr)
		}
		if err == nil && !slices.Equal(got, want) {
			t.Fatalf("%q: %q, want %q", raw, got, want)
		}
	})
}

func decodeMembers(raw []byte, visit func(name string, value json.RawMessage)) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		visit(t.(string), value)
	}
	_, err := d.Token()
	return err
}
