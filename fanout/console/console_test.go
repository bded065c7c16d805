package console

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, h http.Handler, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL.Path = path // as the wire would have it, uncleaned
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPageAndEveryFileItNames(t *testing.T) {
	h := Handler()
	page := get(t, h, "/")
	if page.StatusCode != http.StatusOK || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("page: %v %v", page.StatusCode, page.Header)
	}
	if got := page.Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("page: Cache-Control %q", got)
	}
	html := body(t, page.Body)
	if strings.Contains(html, "%") || regexp.MustCompile(`<script[^>]*>[^<]|<style|\son\w+=|https?:`).MatchString(html) {
		t.Errorf("page holds a placeholder, something inline or something from elsewhere:\n%s", html)
	}
	script := regexp.MustCompile(`/assets/console-[0-9a-f]+\.js`).FindString(html)
	named := regexp.MustCompile(`/assets/[a-z-]+-[0-9a-f]{10}\.[a-z]+`)
	files := append(named.FindAllString(html, -1), named.FindAllString(body(t, get(t, h, script).Body), -1)...)
	if len(files) < 7 {
		t.Errorf("only %v are named", files)
	}
	for _, file := range files {
		a := get(t, h, file)
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %v %v", file, a.StatusCode, a.Header)
		}
		if got := a.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control %q", file, got)
		}
	}
}

func TestHeaders(t *testing.T) {
	r := get(t, Handler(), "/")
	csp := r.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';", "frame-ancestors 'none'"} {
		if !strings.Contains(csp+";", want) {
			t.Errorf("policy %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") || r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers: %v", r.Header)
	}
}

func TestEncodingAndRevalidation(t *testing.T) {
	h := Handler()
	plain := get(t, h, "/")
	packed := get(t, h, "/", "Accept-Encoding", "br, gzip")
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("headers: %v", packed.Header)
	}
	unzip, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := body(t, unzip), body(t, plain.Body); got != want {
		t.Errorf("gzip holds another page")
	}
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Errorf("both encodings have the tag %s", plain.Header.Get("ETag"))
	}
	again := get(t, h, "/", "Accept-Encoding", "gzip", "If-None-Match", `"x", W/`+packed.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || body(t, again.Body) != "" {
		t.Errorf("revalidation: %v", again.StatusCode)
	}
	f := func(accept string, want bool) {
		t.Helper()
		if got := takesGzip(accept); got != want {
			t.Errorf("takesGzip(%q) = %v, want %v", accept, got, want)
		}
	}
	f("", false)
	f("br", false)
	f("gzip;q=0", false)
	f("gzip; q=0.000", false)
	f("gzip;q=0.5", true)
	f("deflate, GZIP", true)
}

func TestOtherPathsAndMethods(t *testing.T) {
	h := Handler()
	for _, p := range []string{"", "/index.html", "/assets", "/assets/", "/assets/../index.html", "/../console.go", "//", "/dist/index.html", "/console.json/", "/%2e%2e/console.go", "/api/vehicles/locations"} {
		if got := get(t, h, p).StatusCode; got != http.StatusNotFound {
			t.Errorf("%q: %d, want 404", p, got)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
}

func TestTiles(t *testing.T) {
	h, err := HandlerWith(Config{TileURL: "https://tiles.example:8443/{z}/{x}/{y}.png", TileAttribution: "© Example"})
	if err != nil {
		t.Fatal(err)
	}
	r := get(t, h, "/console.json")
	var got struct{ TileURL, TileAttribution string }
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.TileURL != "https://tiles.example:8443/{z}/{x}/{y}.png" || got.TileAttribution != "© Example" {
		t.Errorf("settings: %+v", got)
	}
	csp := get(t, h, "/").Header.Get("Content-Security-Policy")
	if strings.Count(csp, " https://tiles.example:8443;") != 2 {
		t.Errorf("policy: %q", csp)
	}
	if _, err := HandlerWith(Config{TileURL: "/tiles/{z}/{x}/{y}.png"}); err != nil {
		t.Errorf("a path of this server: %v", err)
	}
	for _, bad := range []string{"https://tiles.example/{z}/{x}.png", "ftp://tiles.example/{z}/{x}/{y}", "tiles/{z}/{x}/{y}", "https://a;script-src */{z}/{x}/{y}", "https://*/{z}/{x}/{y}", "//tiles.example/{z}/{x}/{y}", "javascript:{z}{x}{y}"} {
		if _, err := HandlerWith(Config{TileURL: bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestSizeBudget(t *testing.T) {
	const most = 2_500_000 // bytes: the page must stay small enough to live in the repository and the binary
	var size int64
	err := fs.WalkDir(dist, "dist", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		size += info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if size > most {
		t.Errorf("dist is %d bytes, the budget %d", size, most)
	}
}
