// Package docs holds the documentation, and the tests that keep it true.
package docs

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/viper"

	"github.com/trackgate/trackgate/configs"
)

const root = ".."

// pages returns README.md and every page of this folder.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, path := range append(paths, filepath.Join(root, "README.md")) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[path] = string(raw)
	}
	return out
}

// goFiles calls visit for each Go file of the module.
func goFiles(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "bin" || d.Name() == "data" || strings.HasPrefix(d.Name(), ".") && path != root):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			visit(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	slug    = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// TestLinks follows every relative link, and its #heading where it has one.
func TestLinks(t *testing.T) {
	for page, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := page
			if target != "" {
				to = filepath.Join(filepath.Dir(page), target)
			}
			raw, err := os.ReadFile(to)
			if st, statErr := os.Stat(to); statErr == nil && st.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if fragment != "" && !slices.Contains(anchors(string(raw)), fragment) {
				t.Errorf("%s: no heading %q in %s", page, fragment, to)
			}
		}
	}
}

// anchors are the names that a page's headings are linked by.
func anchors(text string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		out = append(out, strings.ReplaceAll(slug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}

var (
	settingKey  = regexp.MustCompile("`((?:http|log|gateway|journal|store|bus|auth|fanout|console)\\.[a-z_0-9.]+)(?:: [^`]*)?`")
	environment = regexp.MustCompile(`TRACKGATE_[A-Z_0-9]+`)
)

// TestConfigurationKeys: what the pages call a key of the configuration is one.
func TestConfigurationKeys(t *testing.T) {
	v := viper.New()
	v.SetConfigType("yaml")
	if err := v.ReadConfig(bytes.NewReader(configs.Default)); err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, key := range v.AllKeys() {
		known[key] = true
		known["TRACKGATE_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))] = true
	}
	known["gateway.listen"] = true // the operator's own keys stand in it
	for page, text := range pages(t) {
		if page == "protocols.md" {
			continue // names of captures look like keys
		}
		for _, m := range settingKey.FindAllStringSubmatch(text, -1) {
			if !known[m[1]] {
				t.Errorf("%s: there is no key %s", page, m[1])
			}
		}
		for _, name := range environment.FindAllString(text, -1) {
			if !known[name] && !strings.HasPrefix(name, "TRACKGATE_TEST_") {
				t.Errorf("%s: no key is set by %s", page, name)
			}
		}
	}
}

var metric = regexp.MustCompile(`trackgate_[a-z_]+`)

// TestMetrics: every metric that the pages name is declared somewhere, and operating.md has every one that is.
func TestMetrics(t *testing.T) {
	declared := make(map[string]bool)
	name := regexp.MustCompile(`(?:counter|one|gauge|count)\("([a-z_]+)",|Namespace: "trackgate", Name: "([a-z_]+)"|Name: +"trackgate_([a-z_]+)"`)
	goFiles(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(raw, []byte("prometheus")) {
			return
		}
		for _, m := range name.FindAllSubmatch(raw, -1) {
			declared["trackgate_"+string(m[1])+string(m[2])+string(m[3])] = true
		}
	})
	if len(declared) < 20 {
		t.Fatalf("only %d metrics found in the code", len(declared))
	}
	named := make(map[string]bool)
	for page, text := range pages(t) {
		for _, m := range metric.FindAllString(text, -1) {
			if !declared[m] {
				t.Errorf("%s: no metric %s", page, m)
			}
			named[m] = named[m] || page == "operating.md"
		}
	}
	for _, m := range slices.Sorted(maps.Keys(declared)) {
		if !named[m] {
			t.Errorf("operating.md does not explain %s", m)
		}
	}
}

// TestDependencies compares dependencies.md with what the code imports.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-C", root, "-m", "-f", "{{.Path}}", "all").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(out))
	imported := make(map[string]bool)
	goFiles(t, func(path string) {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			name := strings.Trim(i.Path.Value, `"`)
			if !strings.Contains(strings.Split(name, "/")[0], ".") || strings.HasPrefix(name, "github.com/trackgate/") {
				continue
			}
			best := ""
			for _, m := range modules {
				if (name == m || strings.HasPrefix(name, m+"/")) && len(m) > len(best) {
					best = m
				}
			}
			if best == "" {
				t.Errorf("%s: %s is of no module", path, name)
			}
			imported[best] = true
		}
	})
	text := pages(t)["dependencies.md"]
	listed := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^\| \[([^\]]+)\]\([^)]+\) \| .+ \|$`).FindAllStringSubmatch(text, -1) {
		listed[m[1]] = true
	}
	for m := range imported {
		if !listed[m] {
			t.Errorf("dependencies.md lacks %s", m)
		}
	}
	for m := range listed {
		if !imported[m] {
			t.Errorf("dependencies.md lists %s, which nothing imports", m)
		}
	}
}

// TestNamedTests: every test that architecture.md and reliability.md name in the last column of a table exists, in the package that it names.
func TestNamedTests(t *testing.T) {
	tests := make(map[string]string) // "package Test" -> file
	goFiles(t, func(path string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dir, _ := filepath.Rel(root, filepath.Dir(path))
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(raw, -1) {
			tests[filepath.ToSlash(dir)+" "+string(m[1])] = path
		}
	})
	for _, page := range []string{"architecture.md", "reliability.md"} {
		found := 0
		for _, row := range regexp.MustCompile(`(?m)^\| .+ \| (.*) \|$`).FindAllStringSubmatch(pages(t)[page], -1) {
			folder := ""
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				switch {
				case !strings.HasPrefix(m[1], "Test") && !strings.HasPrefix(m[1], "Fuzz"):
					folder = m[1]
				case tests[folder+" "+m[1]] == "":
					t.Errorf("%s: %s has no %s", page, folder, m[1])
				default:
					found++
				}
			}
		}
		if found == 0 {
			t.Errorf("%s names no test", page)
		}
	}
}
