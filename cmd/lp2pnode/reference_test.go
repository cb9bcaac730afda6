package main

//go:generate go test -run TestReference -update .

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated references in docs")

// reference compares a page with what the program says, or writes it.
func reference(t *testing.T, name, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", name)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	is, should := strings.Split(string(got), "\n"), strings.Split(want, "\n")
	for i := range should {
		if i >= len(is) || is[i] != should[i] {
			t.Fatalf("docs/%s:%d is out of date (run `go generate ./cmd/lp2pnode`): want\n%s", name, i+1, should[i])
		}
	}
	t.Fatalf("docs/%s is longer than it should be (run `go generate ./cmd/lp2pnode`)", name)
}

func TestReferenceOfConfigurationIsTrue(t *testing.T) {
	reference(t, "configuration.md", configurationPage())
}

const aboutConfiguration = `# Configuration

<!-- made by go generate ./cmd/lp2pnode from the program's own table: do not edit -->

Nothing has to be configured. What can be, is a flag of ` + "`lp2pnode`" + `, or a variable, or a
key of a TOML file named with ` + "`--config FILE`" + ` or ` + "`LP2P_CONFIG`" + `. Flags prevail over variables,
these over the file, the file over the defaults. An unknown key is an error; an unknown
` + "`LP2P_`" + ` variable is warned about.

    lp2pnode config                   # what is in force, where it comes from, what it means
    lp2pnode config --json            # the same for programs
    lp2pnode config check FILE        # names line and key of each mistake; exit code 2 then

Lists are repeated flags, texts in brackets in the file (` + "`[\"…\", \"…\"]`" + `), or one text with commas
between.

**Reloading.** SIGHUP (` + "`systemctl reload lp2pnode`" + `) makes a node read its file again. What the
table marks is put into force; of the rest that has changed, the log says that it takes a
restart. A file with a mistake changes nothing, and the log says what is wrong. Peers of a
bootstrap entry that is gone stay connected, as peers like any other.
`

// configurationPage is docs/configuration.md.
func configurationPage() string {
	var b strings.Builder
	b.WriteString(aboutConfiguration)
	writeSettings(&b)
	writeProfiles(&b)
	b.WriteString(`
## Variables that are not settings

| variable | meaning |
|---|---|
| ` + "`" + variable("config") + "`" + ` | the file, as ` + "`--config`" + ` names it |
| ` + "`" + passphraseVariable + "`" + ` | the passphrase of people's keys, for scripts |
| ` + "`" + tokenVariable + "`" + ` | the token with which commands write through the API of another machine's node |
| ` + "`XDG_DATA_HOME`" + ` | above the default data directory, if it is set |

## A file with everything in it

Each line shows a default; take away the ` + "`#`" + ` before those that shall differ.

` + "```toml\n" + exampleFile() + "```\n")
	return b.String()
}

// homeOfAnybody makes the defaults of a user whose home is ~.
var homeOfAnybody = environment{"HOME=~"}

func writeSettings(b *strings.Builder) {
	b.WriteString("\n## Settings\n\n| flag, and key without `--` | variable | type | default | SIGHUP | meaning |\n|---|---|---|---|---|---|\n")
	kinds := map[kind]string{text: "text", list: "list of texts", boolean: "true or false", number: "number"}
	for _, row := range table(homeOfAnybody) {
		flag := "--" + row.name
		if row.arg != "" {
			flag += " " + row.arg
		}
		reload := ""
		if slices.Contains(reloadable(), row.name) {
			reload = "reloads"
		}
		fmt.Fprintf(b, "| `%s` | `%s` | %s | `%s` | %s | %s |\n", flag, variable(row.name), kinds[row.kind],
			row.show(row.fallback().values), reload, strings.ReplaceAll(row.help, "|", `\|`))
	}
}

func writeProfiles(b *strings.Builder) {
	b.WriteString(`
## Profiles

` + "`--profile`" + ` sizes what is left at 0 by the memory that is present: the machine's, or less by a limit
of the node's cgroup or of one above it (a container's, a unit's). Beyond the heap it collects
garbage more often: nothing fails there, and ` + "`GOMEMLIMIT`" + ` sets another.

| profile | for | cache-mib | max-peers | heap |
|---|---|---|---|---|
`)
	size := func(s share) string {
		return fmt.Sprintf("one for each %d MiB, %d to %d", s.of/mib, s.least, s.most)
	}
	for _, p := range profiles() {
		heap := "any"
		if p.heap < math.MaxInt64 {
			heap = fmt.Sprintf("%d MiB", p.heap/mib)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", p.name, p.meaning, size(p.cache), size(p.peers), heap)
	}
}

// exampleFile has all keys with their defaults, commented out.
func exampleFile() string {
	var b strings.Builder
	for _, row := range table(homeOfAnybody) {
		fmt.Fprintf(&b, "# %s\n#%s = %s\n", row.help, row.name, row.show(row.fallback().values))
	}
	return b.String()
}

// TestExampleFileIsGood: with the # taken away, every line is right.
func TestExampleFileIsGood(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.toml")
	var lines []string
	for line := range strings.Lines(exampleFile()) {
		if !strings.HasPrefix(line, "# ") {
			line = strings.TrimPrefix(line, "#")
		}
		lines = append(lines, line)
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, failed strings.Builder
	if code := run(t.Context(), []string{"config", "check", file}, nil, &out, &failed); code != exitDone {
		t.Errorf("exit code %d: %s", code, failed.String())
	}
}
