package jt808

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func args(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// The identities of the protocol sheet's examples, as sessions have them.
const (
	state2013 = "7---013912345678"
	state2019 = "7-0100000000013912345678"
	stateLock = "e---79410400414001"
)

func TestEncode(t *testing.T) {
	f := func(options, state string, c protocols.Command, want string) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		b, err := encode(&protocols.Session{State: state, Options: o}, c)
		if err != nil || hex.EncodeToString(b) != want {
			t.Errorf("%+v: %x, %v, want %s", c, b, err, want)
			return
		}
		// Whole frames, one each: nothing in an argument ends the frame early.
		u := unit{}
		if n, err := u.cut(state, b, false, false); n != len(b) || err != nil || u.badCheck {
			t.Errorf("%+v: %x is not one frame: %d, %v", c, b, n, err)
		}
		u.release()
	}
	// As documented.
	f("", state2013, protocols.Command{Name: "position", ID: 2}, "7e820100000139123456780002b17e")
	f("", state2013, protocols.Command{Name: "track", ID: 1, Args: args("interval", "10", "seconds", "300")}, "7e820200060139123456780001000a0000012c907e")
	f("", state2013, protocols.Command{Name: "interval", ID: 1, Args: args("seconds", "30")}, "7e8103000a01391234567800010100000029040000001e8b7e")
	f("", state2013, protocols.Command{Name: "parameters", ID: 2}, "7e810400000139123456780002b77e")
	f("", state2013, protocols.Command{Name: "parameters", ID: 2, Args: args("ids", "29,13")}, "7e810600090139123456780002020000002900000013847e")
	f("", state2013, protocols.Command{Name: "engine_stop", ID: 1}, "7e81050001013912345678000164d07e")
	f("", state2013, protocols.Command{Name: "engine_resume", ID: 2}, "7e81050001013912345678000265d27e")
	f("cut=f0", state2013, protocols.Command{Name: "engine_stop", ID: 1}, "7e810500010139123456780001f0447e")
	// Of this one the sheet has the check of serial number 1, beside serial number 2.
	f("", state2013, protocols.Command{Name: "custom", Text: "STATUS#", ID: 2}, "7e83000008013912345678000202535441545553238c7e")
	f("text_flag=1", state2019, protocols.Command{Name: "custom", Text: "STATUS#", ID: 2}, "7e8300400901000000000139123456780002010153544154555323ce7e")
	// By the rules.
	frameOf := func(content string) string {
		return hex.EncodeToString(appendFrame(nil, flagStandard, unhex(t, content)))
	}
	f("", state2013, protocols.Command{Name: "reboot", ID: 0x10007}, frameOf("810500010139123456780007"+"04"))
	f("", state2013, protocols.Command{Name: "factory_reset", ID: 7, Args: args("confirm", "yes")}, frameOf("810500010139123456780007"+"05"))
	f("", state2013, protocols.Command{Name: "arm", ID: 7}, frameOf("810500010139123456780007"+"66"))
	f("", state2013, protocols.Command{Name: "disarm", ID: 7}, frameOf("810500010139123456780007"+"67"))
	f("cut=f0", state2013, protocols.Command{Name: "engine_resume", ID: 7}, frameOf("810500010139123456780007"+"f1"))
	f("model=VL300", state2013, protocols.Command{Name: "engine_stop", ID: 7}, frameOf("810500040139123456780007"+"23303b31"))
	f("model=VL300", state2013, protocols.Command{Name: "engine_resume", ID: 7}, frameOf("810500040139123456780007"+"23303b30"))
	f("model=VL300", state2013, protocols.Command{Name: "custom", Text: "ab", ID: 7}, frameOf("810300080139123456780007"+"010000f030026162"))
	f("model=JC371", state2013, protocols.Command{Name: "custom", Text: "ab~}", ID: 7}, frameOf("890000050139123456780007"+"f061627e7d"))
	f("", state2013, protocols.Command{Name: "version", ID: 7}, frameOf("810700000139123456780007"))
	f("", state2013, protocols.Command{Name: "heartbeat", ID: 7, Args: args("seconds", "60")}, frameOf("8103000a0139123456780007"+"0100000001040000003c"))
	f("", state2013, protocols.Command{Name: "speed_limit", ID: 7, Args: args("kmh", "90")}, frameOf("8103000a0139123456780007"+"0100000055040000005a"))
	f("", state2013, protocols.Command{Name: "parameter", ID: 7, Args: args("id", "84", "value", "2", "type", "u8")}, frameOf("810300070139123456780007"+"01000000840102"))
	f("", state2013, protocols.Command{Name: "parameter", ID: 7, Args: args("id", "31", "value", "2", "type", "u16")}, frameOf("810300080139123456780007"+"0100000031020002"))
	f("", state2013, protocols.Command{Name: "parameter", ID: 7, Args: args("id", "13", "value", "a.b", "type", "text")}, frameOf("810300090139123456780007"+"010000001303612e62"))
	f("", state2013, protocols.Command{Name: "lock", ID: 7}, frameOf("850000010139123456780007"+"01"))
	f("", state2013, protocols.Command{Name: "unlock", ID: 7}, frameOf("850000010139123456780007"+"00"))
	f("", state2013, protocols.Command{Name: "video_start", ID: 7, Args: args("host", "a.b", "port", "6605", "channel", "1")}, frameOf("9101000b0139123456780007"+"03612e6219cd0000010100"))
	f("", state2013, protocols.Command{Name: "video_stop", ID: 7, Args: args("channel", "1")}, frameOf("910200040139123456780007"+"01000000"))
	f("", stateLock, protocols.Command{Name: "position", ID: 0xe7}, hex.EncodeToString(appendFrame(nil, flagLock, unhex(t, "82010000"+"79410400414001"+"00e7"))))
	b, err := encode(&protocols.Session{Device: "13912345678"}, protocols.Command{Name: "position", ID: 2})
	if err != nil || !bytes.Equal(b, unhex(t, "7e820100000139123456780002b17e")) {
		t.Errorf("before the device was heard: %x, %v", b, err)
	}

	refused := func(options, state string, c protocols.Command) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := encode(&protocols.Session{State: state, Options: o}, c); err == nil {
			t.Errorf("%+v: encoded as %x", c, b)
		}
	}
	refused("", state2013, protocols.Command{Name: "dance"})
	refused("", "", protocols.Command{Name: "position"})
	refused("", state2013, protocols.Command{Name: "custom"})
	refused("", state2013, protocols.Command{Name: "custom", Text: "a\x00"})
	refused("", state2013, protocols.Command{Name: "custom", Text: "a\r\nb"})
	refused("", state2013, protocols.Command{Name: "custom", Text: strings.Repeat("a", maxText+1)})
	refused("text_flag=9", state2013, protocols.Command{Name: "custom", Text: "a"})
	refused("cut=yes", state2013, protocols.Command{Name: "engine_stop"})
	refused("", state2013, protocols.Command{Name: "factory_reset"})
	refused("", state2013, protocols.Command{Name: "track", Args: args("interval", "70000", "seconds", "1")})
	refused("", state2013, protocols.Command{Name: "parameters", Args: args("ids", "29,x")})
	refused("", state2013, protocols.Command{Name: "parameters", Args: args("ids", strings.Repeat("1,", 60)+"1")})
	refused("", state2013, protocols.Command{Name: "parameter", Args: args("id", "zz", "value", "1")})
	refused("", state2013, protocols.Command{Name: "parameter", Args: args("id", "1", "value", "256", "type", "u8")})
	refused("", state2013, protocols.Command{Name: "parameter", Args: args("id", "1", "value", "1", "type", "float")})
	refused("", state2013, protocols.Command{Name: "parameter", Args: args("id", "1", "value", "\x01", "type", "text")})
	refused("", state2013, protocols.Command{Name: "video_start", Args: args("host", "", "port", "1", "channel", "1")})
	refused("", state2013, protocols.Command{Name: "video_start", Args: args("host", "h", "port", "x", "channel", "1")})
	refused("", state2019, protocols.Command{Name: "lock"})
}
