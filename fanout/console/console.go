// Package console serves the live map page. The page and all that it needs, the land outlines too, are embedded: it works
// where there is no internet. Its sources are in src; dist is built from them (README.md in this folder says how) and
// committed, so that building the gateway needs no npm.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
)

//go:embed dist/index.html dist/decode.html dist/assets
var dist embed.FS

// Config is what the operator may change about the page.
type Config struct {
	// TileURL is a template of raster tiles, with {z}, {x} and {y}: an address with http or https, or a path on this
	// server. Empty: the page draws the land outlines that it carries, and asks nobody else for anything.
	TileURL string
	// TileAttribution is the HTML that the tiles' owner wants to be named with. It comes from the operator and is shown
	// as HTML.
	TileAttribution string
}

// Handler serves the page with the outlines that it carries.
func Handler() http.Handler {
	h, err := HandlerWith(Config{})
	if err != nil {
		panic(err) // the embedded files are broken: no gateway of this build can serve the page
	}
	return h
}

// HandlerWith serves the live map at /, the page that explains bytes at /decode.html, their files below /assets/, and cfg as the page reads it at /console.json. Any other path
// is answered with 404, any method but GET and HEAD with 405. It fails if cfg.TileURL is no tile template.
//
// The page talks to the same origin: POST /api/session, POST /api/decode, GET /api/vehicles/..., and the WebSocket /ws.
func HandlerWith(cfg Config) (http.Handler, error) {
	origin, err := tileOrigin(cfg.TileURL)
	if err != nil {
		return nil, err
	}
	embedded, err := load()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := &console{files: maps.Clone(embedded), policy: policy(origin)}
	settings, err := json.Marshal(map[string]string{"tileUrl": cfg.TileURL, "tileAttribution": cfg.TileAttribution})
	if err != nil {
		return nil, fmt.Errorf("console: settings: %w", err)
	}
	if c.files["/console.json"], err = newFile("/console.json", settings); err != nil {
		return nil, fmt.Errorf("console: settings: %w", err)
	}
	return c, nil
}

// load prepares the embedded files, by their path.
var load = sync.OnceValues(func() (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		at := strings.TrimPrefix(name, "dist")
		f, err := newFile(at, content)
		if err != nil {
			return err
		}
		switch at {
		case "/index.html":
			at = "/"
		case "/decode.html":
		default:
			f.cache = "public, max-age=31536000, immutable" // the name changes with the content
		}
		files[at] = f
		return nil
	})
	return files, err
})

// console answers from a map made at start: a path is a key of it or nothing, so no path leads out.
type console struct {
	files  map[string]*file
	policy string
}

func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", c.policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// Tile servers may ask for the origin of their visitors; the path says nothing and the fragment is never sent.
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	f, ok := c.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f.serve(w, r)
}

// file is one answer, ready in both encodings.
type file struct {
	kind    string // media type
	cache   string // Cache-Control
	etag    string
	plain   []byte
	gzipped func() []byte // nil if it would not be smaller; made when somebody asks for it, since the whole page takes a fifth of a second
}

var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".mjs":  "text/javascript; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
}

func newFile(name string, content []byte) (*file, error) {
	kind, ok := kinds[path.Ext(name)]
	if !ok {
		return nil, fmt.Errorf("%s: no media type for this name", name)
	}
	sum := sha256.Sum256(content)
	f := &file{kind: kind, cache: "no-cache", etag: hex.EncodeToString(sum[:8]), plain: content}
	f.gzipped = sync.OnceValue(func() []byte { return pack(content) })
	return f, nil
}

// pack is content in gzip's form; nil where that is no smaller.
func pack(content []byte) []byte {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write(content)
	if err = errors.Join(err, zip.Close()); err != nil || packed.Len() >= len(content) { // a buffer takes everything
		return nil
	}
	return packed.Bytes()
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	body, etag := f.plain, `"`+f.etag+`"`
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		if packed := f.gzipped(); packed != nil {
			h.Set("Content-Encoding", "gzip")
			body, etag = packed, `"`+f.etag+`-gz"`
		}
	}
	h.Set("ETag", etag)
	h.Set("Cache-Control", f.cache)
	if matches(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	// An error here is the visitor's going away; there is nobody to tell.
	_, _ = w.Write(body)
}

// takesGzip reads Accept-Encoding as far as it matters here: gzip named, and not with weight 0.
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		key, value, _ := strings.Cut(strings.ReplaceAll(weight, " ", ""), "=")
		return !strings.EqualFold(key, "q") || strings.Trim(value, "0.") != ""
	}
	return false
}

func matches(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == etag || part == "*" {
			return true
		}
	}
	return false
}

// policy is the Content-Security-Policy: everything from this server, tiles from theirs, nothing inline, nobody frames it.
// data: is for the small pictures in the map library's stylesheet, blob: for the tiles that it decodes.
func policy(tiles string) string {
	if tiles != "" {
		tiles = " " + tiles
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data: blob:" + tiles,
		"connect-src 'self'" + tiles,
		"worker-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}

// tileOrigin gives the origin that the page must be allowed to ask; "" for none but its own.
func tileOrigin(template string) (string, error) {
	if template == "" {
		return "", nil
	}
	for _, part := range []string{"{z}", "{x}", "{y}"} {
		if !strings.Contains(template, part) {
			return "", fmt.Errorf("console: tile URL %q lacks %s", template, part)
		}
	}
	u, err := url.Parse(template)
	if err != nil {
		return "", fmt.Errorf("console: tile URL: %w", err)
	}
	if u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		return "", nil
	}
	// The origin goes into a header: only what a host name and a port are made of may be in it.
	strange := strings.ContainsFunc(u.Host, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]", r)
	})
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strange {
		return "", fmt.Errorf("console: tile URL %q is neither http(s)://host/... nor a path", template)
	}
	return u.Scheme + "://" + u.Host, nil
}
