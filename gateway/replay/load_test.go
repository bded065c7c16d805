package replay

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestLoadFS(t *testing.T) {
	fsys := fstest.MapFS{
		"gt06/a.tcp": {Data: []byte("# a login\n@ options model=GT06N\n> 7878\n< 01\n> \"two\"\n= {\"device\":\"123\"}\n! refused\n")},
		"gt06/b.udp": {Data: []byte("> 7879\n= {\"device\":null}\n")},
		"http/c.udp": {Data: []byte("> 00\n")},
		"readme.md":  {Data: []byte("no capture")},
	}
	l := Loader{Skip: func(folder string) bool { return folder == "http" }}
	list, err := l.LoadFS(fsys, "testdata")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(list), "d0:xx s0:\x01 d1:two | udp d0:xy"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if list[0].Name != "testdata/gt06/a.tcp" || list[0].Lane != "123" || list[0].Unsure != "the registry's options model=GT06N" {
		t.Errorf("got name %s, lane %s", list[0].Name, list[0].Lane)
	}
	if list[1].Unsure != "frames before a login" {
		t.Errorf("got unsure %q", list[1].Unsure)
	}
	if list[1].Lane == "" || list[1].Lane == list[0].Lane {
		t.Errorf("got lane %q for a capture that names no device", list[1].Lane)
	}

	for name, text := range map[string]string{"x.tcp": "> 7\n", "y.tcp": "# nothing\n"} {
		if _, err := l.LoadFS(fstest.MapFS{name: {Data: []byte(text)}}, "d"); err == nil || !strings.Contains(err.Error(), "d/"+name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := l.Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no captures") {
		t.Errorf("an empty folder: got %v", err)
	}
	if _, err := l.Load("does-not-exist.tcp"); err == nil {
		t.Error("a missing file: no error")
	}
}
