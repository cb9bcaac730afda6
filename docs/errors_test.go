package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/node/doctor"
)

// TestEveryMessageIsExplained: the texts of all errors, refusals and warnings in
// the source stand in docs/errors.md, each under one kind with cause and cure, and
// that page has no others.
func TestEveryMessageIsExplained(t *testing.T) {
	source := messages(t)
	if len(source) < 300 {
		t.Fatalf("only %d messages were found in the source", len(source))
	}
	listed := map[string]string{}
	for _, k := range Kinds() {
		if k.Cause == "" || k.Cure == "" || len(k.Messages) == 0 {
			t.Errorf("kind %s wants a line Cause:, a line Cure:, and messages", k.ID)
		}
		for _, m := range k.Messages {
			if before, twice := listed[m]; twice {
				t.Errorf("%q stands under %s and %s", m, before, k.ID)
			}
			listed[m] = k.ID
			if _, exists := source[m]; !exists {
				t.Errorf("docs/errors.md, %s: the source has no message %q any more", k.ID, m)
			}
		}
	}
	for m, where := range source {
		if listed[m] == "" {
			t.Errorf("%s: put this message into docs/errors.md, under its kind:\n- `%s`", where, m)
		}
	}
}

// TestRulesReasonsAndFindingsAreExplained: what the API calls rule, what peers
// calls reason, and the doctor's ids each have a row.
func TestRulesReasonsAndFindingsAreExplained(t *testing.T) {
	for table, ids := range map[string][]string{
		"Rules":               constants(t, "../chain/errors.go", "Rule"),
		"Reasons":             constants(t, "../p2p/reason.go", "Reason"),
		"What doctor finds":   findings(),
		"Checks of readiness": checkNames(t),
	} {
		_, section, found := strings.Cut(errorsPage, "\n## "+table+"\n")
		if !found {
			t.Errorf("docs/errors.md has no section %q", table)
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		var rows []string
		for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(section, -1) {
			rows = append(rows, m[1])
		}
		slices.Sort(rows)
		slices.Sort(ids)
		if len(ids) == 0 || !slices.Equal(rows, ids) {
			t.Errorf("section %q: want rows for\n%v\ngot\n%v", table, ids, rows)
		}
		for _, id := range ids {
			if got, ok := Find(id); !ok || got.ID != id || got.Cause == "" || got.Cure == "" {
				t.Errorf("%s is not found by its id: %+v", id, got)
			}
		}
	}
}

func findings() (ids []string) {
	for _, k := range doctor.Kinds() {
		ids = append(ids, k.ID)
	}
	return ids
}

// TestEveryMessageFindsItsKind: as it is printed, with values for its verbs.
func TestEveryMessageFindsItsKind(t *testing.T) {
	for _, k := range Kinds() {
		for _, m := range k.Messages {
			printed := "lp2pnode: " + strings.ReplaceAll(m, "…", "7")
			if got, ok := Find(printed); !ok || got.ID != k.ID && !similar(got, m) {
				t.Errorf("%q is of kind %s, found was %s", printed, k.ID, got.ID)
			}
		}
		if got, ok := Find(k.ID); !ok || got.ID != k.ID {
			t.Errorf("kind %s is not found by its id", k.ID)
		}
	}
	if got, ok := Find("nothing that is known"); ok {
		t.Errorf("an unknown text is said to be of kind %s", got.ID)
	}
}

// similar tells whether another kind has a message that says as much.
func similar(k Kind, message string) bool {
	return slices.ContainsFunc(k.Messages, func(m string) bool {
		return len(strings.ReplaceAll(m, "…", "")) >= len(strings.ReplaceAll(message, "…", ""))
	})
}

// rooms are those whose messages reach people: through the program, the API, the
// log, or an error of a library call.
func rooms(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		switch filepath.ToSlash(path) {
		case "../.git", "../docs", "../deploy", "../node/sim":
			return fs.SkipDir
		}
		if d.Name() == "testdata" {
			return fs.SkipDir
		}
		dirs = append(dirs, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// messages returns the texts of the source with where each stands.
func messages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range rooms(t) {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				scan(t, name, found)
			}
		}
	}
	return found
}

func scan(t *testing.T, name string, found map[string]string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if f, is := n.(*ast.FuncDecl); is && f.Recv != nil && f.Name.Name == "Error" {
			texts(f, func(text string) { found[shown(text)] = set.Position(f.Pos()).String() })
		}
		call, is := n.(*ast.CallExpr)
		if !is {
			return true
		}
		if i := textArgument(call); i >= 0 && i < len(call.Args) {
			if text, is := literal(call.Args[i]); is && hasWords(text) {
				found[shown(text)] = set.Position(call.Pos()).String()
			}
		}
		return true
	})
}

// texts hands over what an error's own method prints.
func texts(f *ast.FuncDecl, take func(string)) {
	ast.Inspect(f, func(n ast.Node) bool {
		if e, is := n.(*ast.CallExpr); is {
			if text, is := literal(e); is && len(verb.ReplaceAllString(text, "")) >= 12 { // less is a part of one
				take(text)
			}
		}
		return true
	})
}

// textArgument says which argument of a call is a text for people, -1 if none.
func textArgument(call *ast.CallExpr) int {
	name, of := "", ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
		if x, is := f.X.(*ast.Ident); is {
			of = x.Name
		}
	}
	switch {
	case of == "fmt" && name == "Errorf", of == "errors" && name == "New", of == "" && name == "usagef":
		return 0
	case of == "" && (name == "blame" || name == "damaged" || name == "newProblem"):
		return 1
	case (name == "Warn" || name == "Error") && len(call.Args) > 0: // of a logger
		return 0
	}
	return -1
}

// literal returns the text of a literal, or of several that are joined.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.CallExpr: // of fmt.Sprintf
		if f, is := e.Fun.(*ast.SelectorExpr); is && f.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			return literal(e.Args[0])
		}
	case *ast.BinaryExpr:
		left, ok1 := literal(e.X)
		right, ok2 := literal(e.Y)
		return left + right, ok1 && ok2
	}
	return "", false
}

var verb = regexp.MustCompile(`%[-+# 0]*(\[\d+\])?[\d.]*[a-zA-Z]`)

// shown writes a format as the page does.
func shown(text string) string {
	text = strings.ReplaceAll(verb.ReplaceAllString(text, "…"), "%%", "%")
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "`", "'")
}

// hasWords leaves out what only strings other errors together.
func hasWords(text string) bool {
	return strings.ContainsFunc(verb.ReplaceAllString(text, ""), func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' })
}

// constants lists the texts of a file's constants of a type.
func constants(t *testing.T, name, of string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if kind, is := spec.Type.(*ast.Ident); is && kind.Name == of && len(spec.Values) == 1 {
			if text, is := literal(spec.Values[0]); is {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts
}

// checkNames lists the names of /readyz and /livez.
func checkNames(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../node/health.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`Check\{\s*Name:\s*"([a-z]+)"`).FindAllStringSubmatch(string(raw), -1) {
		seen[m[1]] = true
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	return names
}
