package watch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// one decodes one whole frame.
func one(t testing.TB, s *protocols.Session, text string) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: []byte(text), Final: true, Received: protocols.CaptureTime}, f)
	if n != len(text) {
		t.Fatalf("took %d of %d bytes of %q: %v", n, len(text), text, err)
	}
	return f, err
}

// framed is a content in a frame whose LEN is right.
func framed(content string) string {
	return fmt.Sprintf("[3G*8600000000*%04x*%s]", len(content), content)
}

const (
	usualPlace = "[3G*8600000000*00b5*UD,140326,083015,A,31.230416,N,121.4737010,E,4.50,87.0,12.0,7,84,86,1520,12,00000000,2,0,460,0,6340,20857,131,6340,20858,120,2,home,0c:9d:92:bf:d0:c1,-60,,ac:9e:17:c0:aa:01,-71,12.5]"
	usualLink  = "[3G*8600000009*000d*LK,1520,12,87]"
	placeHead  = "140326,083015,A,31.5,N,121.5,E,4.50,87.0,12.0,7,84,86,1520,12,"
	placeAttrs = `"rssi":84,"battery_pct":86,"steps":1520,"tumbles":12,"status":`
)

// TestContents: what contents become, and their answers.
func TestContents(t *testing.T) {
	f := func(content, reply string, want ...string) {
		t.Helper()
		var s protocols.Session
		frame, err := one(t, &s, framed(content))
		if err != nil || len(frame.Events) != len(want) {
			t.Errorf("%q: %d events: %v", content, len(frame.Events), err)
			return
		}
		if reply != "" {
			reply = framed(reply)
		}
		if string(frame.Reply) != reply {
			t.Errorf("%q: answer %q, want %q", content, frame.Reply, reply)
		}
		for i := range want {
			e := &frame.Events[i]
			got := e.Kind.String() + " " + e.Alarm + " " + string(e.Attrs.AppendJSON(nil))
			if got != want[i] {
				t.Errorf("%q\n got %s\nwant %s", content, got, want[i])
			}
		}
	}
	f("LK", "LK")
	f("LK,1520,12,87", "LK", `status  {"steps":1520,"tumbles":12,"battery_pct":87}`)
	f("LK,0,100", "LK", `status  {"battery_pct":100}`)
	f("LK,0,0,101", "LK", `status  {"steps":0,"tumbles":0}`)
	f("INIT", "INIT,1")
	f("TKQ", "TKQ")
	f("TKQ2", "TKQ2")
	f("heart,71", "", `status  {"heart_rate":71}`)
	f("heart", "")
	f("bphrt,120,80,71,,", "", `status  {"pressure_high_mmhg":120,"pressure_low_mmhg":80,"heart_rate":71}`)
	f("bphrt,120,80,71,160,50", "", `status  {"pressure_high_mmhg":120,"pressure_low_mmhg":80,"heart_rate":71,"data":"120,80,71,160,50"}`)
	f("BLOOD,120,80", "", `status  {"pressure_high_mmhg":120,"pressure_low_mmhg":80}`)
	f("oxygen,0,97", "", `status  {"blood_oxygen_pct":97}`)
	f("btemp2,1,36.5", "", `status  {"temp1_c":36.5}`)
	f("btemp2,0,0.0", "", `status  {"data":"0,0.0"}`)
	f("TEMP,36.5", "", `status  {"temp1_c":36.5}`)
	f("CONFIG,TY:A,UL:600", "CONFIG,1", `status  {"settings_text":"TY:A,UL:600"}`)
	f("ICCID,89860000000000000001", "", `status  {"iccid":"89860000000000000001"}`)
	f("UPLOAD", "", `command_result  {"command":"UPLOAD","result":""}`)
	f("TS,ver:1;ID:2;", "", `command_result  {"command":"TS","result":"ver:1;ID:2;"}`)
	f("NEWS,[a]x", "", `status  {"message":"NEWS","data":"[a]x"}`)
	f("UD,1,2", "", `status  {"message":"UD","data":"1,2"}`)
	f("AL,1,2", "AL", `alarm general {"message":"AL","data":"1,2"}`)

	f("TK,#!AMR\n\x7d\x01\x7d\x02\x7d\x03\x7d\x04\x7d\x05", "TK,1", `status  {"file_kind":"voice","file_size":11}`)
	f("TK,#!AMR\n\x7d\x06", "TK,0")
	f("TK,1", "", `command_result  {"command":"TK","result":"1","success":true}`)
	f("JXTK,0,a.amr,1,2,abc\x7d\x03", "JXTKR,1", `status  {"file_kind":"voice","file_name":"a.amr","file_part":1,"file_parts":2,"file_size":4}`)
	f("JXTK,0,a.amr", "JXTKR,0")
	f("img,5,260314083015,\xff\xd8\x7d\x01", "", `status  {"file_kind":"picture","photo_id":5,"file_size":3}`)

	f("UD2,"+placeHead+"00000010,0,0,", "", `position  {"archive":true,`+placeAttrs+`16,"motion":true}`)
	f("UD,"+placeHead+"00010001", "", `alarm sos {`+placeAttrs+`65537}`)
	f("UD,"+placeHead+"00000007", "", `position  {`+placeAttrs+`7}`)
	f("AL,"+placeHead+"0001", "AL", `alarm low_battery {`+placeAttrs+`1}`)
	f("AL_LTE,"+placeHead+"0008", "AL", `alarm general {`+placeAttrs+`8,"off_wrist":true,"alarm_code":8}`)
	f("UD,"+placeHead+"0,0,0,58.0", "", `position  {`+placeAttrs+`0,"accuracy_m":58}`)
	f("UD,"+placeHead+"0,0,0,0", "", `position  {`+placeAttrs+`0}`)
	f("UD,"+placeHead+"0,0,1,,,,00", "", `position  {`+placeAttrs+`0}`)
	f("UD,"+placeHead+"0,0,1,460,0,1,a*;b,0c:9d:92:bf:d0:c1,-60,9", "", `position  {`+placeAttrs+`0,"wifi":[{"mac":"0c:9d:92:bf:d0:c1","rssi_dbm":-60,"ssid":"a*;b"}],"accuracy_m":9}`)
	f("UD,"+placeHead+"0,0,2,,0c:9d:92:bf:d0:c1,-60,,0,0,9", "", `position  {`+placeAttrs+`0,"wifi":[{"mac":"0c:9d:92:bf:d0:c1","rssi_dbm":-60}],"accuracy_m":9}`)
	f("UD,"+placeHead+"0,1,255,234,10,5501,3B882A2,,,10", "", `position  {`+placeAttrs+`0,"cells":[{"mcc":234,"mnc":10,"lac":21761,"cid":62423714}],"accuracy_m":10}`)
	f("UD,"+placeHead+"0,9,1,460,0,1,2,3", "", `position  {`+placeAttrs+`0,"data":"9,1,460,0,1,2,3"}`)
	f("UD,"+placeHead+"zz,1,2", "", `position  {"rssi":84,"battery_pct":86,"steps":1520,"tumbles":12,"data":"`+placeHead+`zz,1,2"}`)
	f("UD,"+placeHead+"0,0,0,x,y", "", `position  {`+placeAttrs+`0,"data":"0,x,y"}`)
	f("UD,"+placeHead+"0,1,0,,,1,2,3", "", `position  {`+placeAttrs+`0,"data":"1,0,,,1,2,3"}`)
	f("UD,"+placeHead+"0,x", "", `position  {`+placeAttrs+`0,"data":"x"}`)
	f("UD,"+placeHead+"zz", "", `position  {"rssi":84,"battery_pct":86,"steps":1520,"tumbles":12,"data":"`+placeHead+`zz"}`)
}

// TestPlaces: coordinates, their letters and signs, and dates that are none.
func TestPlaces(t *testing.T) {
	f := func(head, want string) {
		t.Helper()
		s := protocols.Session{Options: protocols.Options{Zone: protocols.Zone{Set: true, Seconds: 8 * 3600}, Unit: "mph"}}
		frame, err := one(t, &s, framed("UD,"+head+",10,360,-3.5,0,84,86,0,0,0"))
		if err != nil || len(frame.Events) != 1 {
			t.Fatalf("%q: %d events: %v", head, len(frame.Events), err)
		}
		e := &frame.Events[0]
		got := fmt.Sprintf("%v %v %v %v %v %v", e.Time, e.NoTime, e.Has&protocols.HasFix != 0, e.Lat, e.Lng, e.Valid)
		if got != want || e.Course != 0 || e.Alt != -3.5 || e.Speed != 16.09344 {
			t.Errorf("%q\n got %s\nwant %s", head, got, want)
		}
	}
	f("140326,083015,A,38.000000,N,-9.000000,W", "2026-03-14T00:30:15.000Z false true 38 -9 true")
	f("140326,083015,V,38.000000,S, 9.5,E", "2026-03-14T00:30:15.000Z false true -38 9.5 false")
	f("140326,083015,A,-38,,-9,", "2026-03-14T00:30:15.000Z false true -38 -9 true")
	f("000000,000000,V,0.0,N,0.0,E", "2026-06-01T12:00:00.000Z true false 0 0 false")
	f("140326,083015,A,91,N,9,E", "2026-03-14T00:30:15.000Z false false 0 0 false")
	f("143226,083015,A,1,N,9,E", "2026-06-01T12:00:00.000Z true true 1 9 true")
}

// TestSentAgainIsTheSame: a position that comes again from the watch's memory is the same record, an alarm at its place another.
func TestSentAgainIsTheSame(t *testing.T) {
	id := func(word string) string {
		var s protocols.Session
		f, err := one(t, &s, framed(word+","+placeHead+"0"))
		if err != nil || len(f.Events) != 1 {
			t.Fatalf("%s: %v", word, err)
		}
		return f.Events[0].ID()
	}
	if live, stored, alarm := id("UD"), id("UD2"), id("AL"); live != stored || live == alarm {
		t.Errorf("UD %s, UD2 %s, AL %s", live, stored, alarm)
	}
}

// TestAnswerIsTheSenders: maker, identity and index come back; the length is the answer's own.
func TestAnswerIsTheSenders(t *testing.T) {
	f := func(frame, want, state string) {
		t.Helper()
		var s protocols.Session
		got, err := one(t, &s, frame)
		if err != nil || string(got.Reply) != want || s.State != state {
			t.Errorf("%q: %q, want %q, state %q: %v", frame, got.Reply, want, s.State, err)
		}
	}
	f("[ZJ*8600000004*0033*000a*LK,0,0,100]", "[ZJ*8600000004*0033*0002*LK]", "ZJi")
	f("[3G*8600000016*0004*INIT]", "[3G*8600000016*0006*INIT,1]", "3G")
	f("[SG*861234567890123*ffff*LK]", "[SG*861234567890123*0002*LK]", "SG")
}

// TestSteadyStateAllocatesLittle: what a watch sends all day costs no garbage but its lists.
func TestSteadyStateAllocatesLittle(t *testing.T) {
	for text, want := range map[string]float64{
		usualLink:                       0,
		framed("UD," + placeHead + "0"): 0,
		usualPlace:                      2,
	} {
		var s protocols.Session
		f := new(protocols.Frame)
		in := protocols.Input{Bytes: []byte(text), Received: protocols.CaptureTime}
		feed := func() {
			f.Reset()
			if _, err := Protocol.Decode(&s, in, f); err != nil {
				t.Fatal(err)
			}
		}
		feed()
		if got := testing.AllocsPerRun(100, feed); got > want {
			t.Errorf("%q: %v allocations, want %v", text, got, want)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{"link": usualLink, "place": framed("UD," + placeHead + "0"), "cells": usualPlace} {
		b.Run(name, func(b *testing.B) {
			var s protocols.Session
			f := new(protocols.Frame)
			in := protocols.Input{Bytes: []byte(text), Received: protocols.CaptureTime}
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if _, err := protocols.Next(&Protocol, &s, in, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestFrames: where frames end.
func TestFrames(t *testing.T) {
	f := func(stream, want string) {
		t.Helper()
		for _, step := range []int{len(stream), 1, 2, 3, 5, 17} {
			if len(stream) > 10_000 && step < len(stream) {
				continue
			}
			var s protocols.Session
			var frame protocols.Frame
			var rest []byte
			var got []string
			for left := stream; len(left) > 0; {
				n := min(step, len(left))
				rest, left = append(rest, left[:n]...), left[n:]
				used, err := protocols.Drain(&Protocol, &s, protocols.Input{Bytes: rest}, &frame, func(raw []byte, err error) bool {
					switch {
					case err == nil:
						got = append(got, fmt.Sprint(len(raw)))
					case protocols.Fault(err) != "garbage":
						got = append(got, "!")
					}
					return true
				})
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[used:]
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("%.80q by %d: %s, want %s", stream, step, text, want)
			}
		}
	}
	lk := "[SG*8800000015*0002*LK]"
	f(lk+lk, "23 23")
	f("noise\r\n"+lk+"\r\n[x"+lk, "23 23")
	f("[SG*8800000015*0001*LK]"+lk, "23 23")                          // LEN too small
	f("[SG*8800000015*000f*LK]"+lk, "23 23")                          // LEN too large
	f("[SG*8800000015*0009*AB,[x]y]"+lk, "28 23")                     // brackets within
	f("[SG*8800000015*0008*AB,[xxyy]"+lk, "29 23")                    // one that only LEN settles
	f("[SG*8800000015*0002*AB,[xxyy]"+lk, "29 23")                    // and one that the next frame settles
	f("[SG*8800000015*0020*AB,xx"+lk, "! 23")                         // cut off
	f("[SG*8800000015*00zz*AB]"+lk, "23")                             // no length
	f("[SG*8800000*0002*LK]"+lk, "23")                                // no identity
	f("[SG*8800000015*0002*"+strings.Repeat("a", maxText+1)+lk, "23") // too long for words
	f("[SG*8800000015*ffff*TK,"+strings.Repeat("a", 70_000)+"]"+lk, "70024 23")
	f("[SG*8800000015*ffff*TK,"+strings.Repeat("a", maxMedia+100)+lk, "23")
}

func TestDetect(t *testing.T) {
	f := func(text string, want protocols.Verdict) {
		t.Helper()
		if got, why := detect([]byte(text), false); got != want {
			t.Errorf("detect(%q) = %v (%s), want %v", text, got, why, want)
		}
		settled := protocols.More
		for i := range len(text) + 1 {
			got, _ := detect([]byte(text[:i]), false)
			if (settled == protocols.No || settled == protocols.Sure) && got != settled {
				t.Errorf("detect(%q) = %v, was %v", text[:i], got, settled)
			}
			settled = got
		}
	}
	f("", protocols.More)
	f("[", protocols.More)
	f("[3G*860000", protocols.More)
	f("[3G*8600000000*00b5", protocols.More)
	f("[3G*8600000000*00b5*", protocols.Sure)
	f("[ZJ*8600000004*0033*000a*LK", protocols.Sure)
	f(usualPlace, protocols.Sure)
	f("[3G*8600000*00b5*", protocols.No)
	f("[3G*8600000000123456*00b5*", protocols.No)
	f("[3G*8600000000*00b*", protocols.No)
	f("[3G8600000000", protocols.No)
	f("[T123456", protocols.No)
	f("$$", protocols.No)
	first := []byte(usualPlace)
	if got := testing.AllocsPerRun(100, func() { detect(first, false) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkDetect(b *testing.B) {
	first := []byte(usualPlace)
	b.ReportAllocs()
	for b.Loop() {
		detect(first, false)
	}
}
