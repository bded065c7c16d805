//go:build ignore

// Scaffold begins a protocol: `make protocol NAME=acme` writes protocols/acme and testdata/acme from the worked example of
// docs/adding-a-protocol.md, which compiles, is recognised and passes every test. What is left is to make it say what the vendor's document says.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	root    = "../.."
	example = "pelican"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 || !regexp.MustCompile(`^[a-z][a-z0-9-]{1,30}$`).MatchString(os.Args[1]) {
		log.Fatal("usage: make protocol NAME=acme (lower-case letters, digits and hyphens)")
	}
	name := os.Args[1]
	guide, err := os.ReadFile(filepath.Join(root, "docs", "adding-a-protocol.md"))
	if err != nil {
		log.Fatal(err)
	}
	folder, captures := filepath.Join(root, "protocols", name), filepath.Join(root, "testdata", name)
	for _, path := range []string{folder, captures} {
		if _, err := os.Stat(path); err == nil {
			log.Fatalf("%s is there already", path)
		}
	}
	code := block(string(guide), "protocols/"+example+"/"+example+".go", "go")
	capture := block(string(guide), "testdata/"+example+"/drive.tcp", "")
	word := strings.ReplaceAll(name, "-", "")
	title := strings.ToUpper(word[:1]) + word[1:]
	// The letter of the login carries the name, so that two beginnings are not taken for each other.
	code = strings.NewReplacer(`Name:     "`+example+`"`, `Name:     "`+name+`"`, example, word, "Pelican P1", title, "Pelican", title,
		`const start = "$L,"`, `const start = "$`+word+`L,"`, `case "L":`, `case "`+word+`L":`, `"$L,"`, `"$`+word+`L,"`).Replace(code)
	capture = strings.NewReplacer("Pelican P1", title, `"$L,490154203237518*56\r\n"`, login(word)).Replace(capture)
	write(filepath.Join(folder, word+".go"), code)
	write(filepath.Join(captures, "drive.tcp"), capture)
	run(root, "gofmt", "-w", filepath.Join("protocols", name))
	run(".", "go", "generate")
	run(root, "go", "test", "./protocols/all", "-run", "TestGolden/"+name, "-update")
	run(root, "go", "test", "./protocols/all", "-run", "^(TestGolden|TestCutAnywhere)$/^"+name+"$")
	fmt.Printf("protocols/%s and testdata/%s are there; docs/adding-a-protocol.md says how to go on\n", name, name)
}

// block is the code that follows the mention of a path in the guide.
func block(guide, path, fence string) string {
	m := regexp.MustCompile("(?s)`" + regexp.QuoteMeta(path) + "`.*?\n```" + fence + "\n(.*?)```\n").FindStringSubmatch(guide)
	if m == nil {
		log.Fatalf("docs/adding-a-protocol.md has no block for %s", path)
	}
	return m[1]
}

// login is the login of the example under another name, as a capture writes it.
func login(word string) string {
	body, sum := word+"L,490154203237518", byte(0)
	for i := range len(body) {
		sum ^= body[i]
	}
	return fmt.Sprintf(`"$%s*%02X\r\n"`, body, sum)
}

func write(path, text string) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		log.Fatal(err)
	}
}

func run(dir, name string, args ...string) {
	c := exec.Command(name, args...)
	c.Dir, c.Stdout, c.Stderr = dir, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		log.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
}
