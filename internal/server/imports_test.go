package server

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/guildhall-id/guildhall/"

// What each package may import of ours; a package that is not named here must be added with its place.
var mayImport = map[string]string{
	"internal/fault":             "",
	"internal/caller":            "",
	"internal/gate":              "",
	"internal/expression":        "internal/fault",
	"contract":                   "",
	"internal/db":                "internal/caller internal/fault",
	"internal/secret":            "internal/gate internal/fault",
	"internal/gql":               "internal/fault",
	"internal/op":                "internal/gate internal/caller internal/fault",
	"internal/audit":             "internal/db internal/caller internal/fault",
	"internal/search":            "",
	"internal/directory":         "internal/expression internal/search internal/audit internal/db internal/secret internal/caller internal/fault",
	"internal/access":            "internal/expression internal/directory internal/audit internal/db internal/caller internal/fault",
	"internal/signin":            "internal/notify internal/access internal/directory internal/audit internal/db internal/secret internal/caller internal/fault",
	"internal/notify":            "internal/audit internal/db internal/secret internal/caller internal/fault",
	"internal/browser":           "internal/op internal/signin internal/caller internal/fault",
	"internal/oidc":              "internal/browser internal/op internal/signin internal/access internal/directory internal/audit internal/db internal/secret internal/caller internal/fault",
	"internal/hosted":            "internal/browser internal/op internal/signin internal/access internal/directory internal/audit internal/db internal/secret internal/caller internal/fault",
	"internal/v2":                "contract internal/browser internal/notify internal/op internal/gql internal/signin internal/access internal/directory internal/audit internal/db internal/secret internal/caller internal/fault",
	"internal/v3":                "contract internal/browser internal/notify internal/op internal/signin internal/access internal/directory internal/audit internal/db internal/secret internal/caller internal/fault",
	"internal/server":            "contract internal/browser internal/notify internal/oidc internal/hosted internal/gate internal/v2 internal/v3 internal/op internal/signin internal/access internal/directory internal/audit internal/db internal/secret internal/caller internal/fault",
	"internal/testhall":          "internal/notify internal/signin internal/access internal/directory internal/audit internal/db internal/secret internal/caller internal/fault",
	"internal/tools/contractgen": "",
	"cmd/guildhall":              "internal/server internal/db",
	"bench":                      "internal/server internal/testhall internal/signin internal/access internal/directory internal/db internal/secret internal/caller",
}

// What nobody but the named packages may import, and why.
var reserved = []struct{ prefix, only, reason string }{
	{"github.com/jackc/pgx", "internal/db internal/testhall", "only the engine knows a driver"},
	{"zombiezen.com/go/sqlite", "internal/db", "only the engine knows a driver"},
	{"modernc.org/sqlite", "internal/db", "only the engine knows a driver"},
	{"database/sql", "internal/db", "SQL goes through the engine's mapper"},
	{"net/http", "internal/op internal/v2 internal/v3 internal/oidc internal/hosted internal/browser internal/notify internal/server bench", "the domain knows no HTTP; messages go out over it"},
	{"github.com/prometheus", "internal/server", "measuring is the server's"},
	{"math/rand", "internal/db internal/notify bench", "secrets come from crypto/rand; only retries, counters and the benchmark's people may be random by chance"},
	{"embed", "internal/db internal/hosted internal/testhall contract", "files are embedded where they belong"},
	{"internal/testhall", "bench", "only tests and measurements use it"},
}

func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "node_modules" || name == ".git" || name == "testdata" || name == "data" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		allowed, known := mayImport[pkg]
		if !known {
			if !seen[pkg] {
				t.Errorf("%s has no place in mayImport", pkg)
			}
			seen[pkg] = true
			return nil
		}
		seen[pkg] = true
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			ours, isOurs := strings.CutPrefix(name, module)
			if isOurs && !contains(allowed, ours) {
				t.Errorf("%s imports %s: never upwards, never sideways", rel, ours)
			}
			if isOurs {
				name = ours
			}
			for _, r := range reserved {
				if (name == r.prefix || strings.HasPrefix(name, r.prefix+"/")) && !contains(r.only, pkg) {
					t.Errorf("%s imports %s: %s", rel, name, r.reason)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range mayImport {
		if !seen[pkg] {
			t.Errorf("%s is in mayImport and has no Go file", pkg)
		}
	}
}

func contains(list, word string) bool {
	for _, w := range strings.Fields(list) {
		if w == word {
			return true
		}
	}
	return false
}
