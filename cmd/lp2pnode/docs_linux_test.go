package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// treatment says how a documented command is run where running it as it stands,
// with exit code 0, is not it.
type treatment struct {
	skip      string // why it is not run here
	long      bool   // it is, among the full proofs only: it compiles the program
	replace   string // what is run instead; $ID and $HASH are of the record
	elsewhere bool   // a node on another machine, which must meet the first
	finds     bool   // exit code 1, of findings, is as good
	code      int    // the exit code wanted
}

// treatments are those of README.md and docs/operating.md. Every other command
// runs as it stands.
func treatments() map[string]treatment {
	const (
		systemd = "wants systemd; TestUnitIsWhatSystemdTakes in deploy has systemd look at the unit"
		docker  = "wants a Docker engine; TestCluster in deploy runs the compose file"
		ledger  = "/dns4/ledger.example.org/tcp/9470"
		here    = "/ip4/127.0.0.1/tcp/9470"
	)
	return map[string]treatment{
		"go run ./cmd/lp2pnode":     {long: true, replace: "cd $REPO && go build -o $HOME/built ./cmd/lp2pnode && $HOME/built version"},
		"go test ./...":             {skip: "it is what runs this test"},
		"go install ./cmd/lp2pnode": {long: true, replace: "cd $REPO && GOBIN=$HOME/bin go install ./cmd/lp2pnode && $HOME/bin/lp2pnode version"},

		"lp2pnode --ephemeral":                           {elsewhere: true},
		"lp2pnode --bootstrap " + ledger:                 {elsewhere: true, replace: "lp2pnode --bootstrap " + here},
		"docker-compose up --build":                      {skip: docker},
		"docker-compose up --build -d":                   {skip: docker},
		"docker-compose up -d --scale node=10":           {skip: docker},
		"docker-compose down":                            {skip: docker},
		"docker-compose --profile monitoring up":         {skip: "wants a Docker engine and images; the tests of deploy try rules and queries with Prometheus"},
		"docker-compose exec bootstrap /lp2pnode status": {skip: docker},
		"docker build -t lp2pnode .":                     {skip: docker},
		"deploy/binary.sh":                               {skip: "it compiles the program, for an image; TestClusterOfContainers in deploy runs it"},
		"docker run -d --name ledger -p 9470:9470 -v ledger:/data lp2pnode --announce " + ledger: {skip: docker},

		"lp2pnode genesis new our-lab.json --chain-id our-lab": {replace: "rm -f our-lab.json; lp2pnode genesis new our-lab.json --chain-id our-lab --interval 500ms --difficulty 2000"},

		"lp2pnode tx ID --wait 6":                                                    {replace: "lp2pnode tx $ID --wait 6"},
		"lp2pnode receipt ID --out report.json":                                      {replace: "lp2pnode receipt $ID --out report.json"},
		"lp2pnode verify report.json --trust HASH --file report.pdf":                 {replace: "lp2pnode verify report.json --trust $HASH --file report.pdf"},
		"lp2pnode key import miner ~/.local/share/lp2pnode/node.key":                 {replace: "lp2pnode key import miner ~/our-lab/node.key"},
		"lp2pnode send TO AMOUNT --key miner":                                        {replace: "lp2pnode send default 1 --key miner"},
		"lp2pnode --genesis our-lab.json --data-dir ~/our-lab --bootstrap " + ledger: {elsewhere: true, replace: "lp2pnode --genesis our-lab.json --data-dir ~/our-lab --bootstrap " + here},
		"lp2pnode --genesis our-lab.json --data-dir ~/our-lab --announce " + ledger:  {replace: "lp2pnode --genesis our-lab.json --data-dir ~/our-lab --announce " + here},
		"lp2pnode doctor --genesis our-lab.json --bootstrap " + ledger:               {finds: true, replace: "lp2pnode doctor --genesis our-lab.json --bootstrap " + here},
		"lp2pnode doctor --genesis our-lab.json --data-dir ~/our-lab":                {finds: true},
		"lp2pnode doctor":  {finds: true},
		"lp2pnode explain": {replace: "lp2pnode explain port-in-use"},

		"sudo install $(go env GOPATH)/bin/lp2pnode /usr/local/bin/":       {skip: systemd},
		"sudo install -m 644 deploy/lp2pnode.service /etc/systemd/system/": {skip: systemd},
		"sudo systemctl enable --now lp2pnode":                             {skip: systemd},
		"journalctl -u lp2pnode -f":                                        {skip: systemd},
		"systemctl status":                                                 {skip: systemd},
		"systemctl reload":                                                 {skip: systemd},
	}
}

// TestDocumentedCommands runs the commands of README.md and docs/operating.md in
// their order, as a reader would: a node runs until the next one is started in
// its place.
func TestDocumentedCommands(t *testing.T) {
	needProcesses(t)
	if !ownNetwork(t) {
		return
	}
	known := treatments()
	for _, doc := range []string{"README.md", "docs/operating.md"} {
		t.Run(doc, func(t *testing.T) {
			commands := documented(t, filepath.Join("..", "..", doc))
			r := newReader(t)
			for _, line := range commands {
				r.do(line, known[line])
			}
			r.stop()
			if len(commands) < 10 {
				t.Errorf("only %d commands were found", len(commands))
			}
			t.Logf("%d commands ran, %d did not", r.ran, len(commands)-r.ran)
		})
	}
	all := slices.Concat(documented(t, "../../README.md"), documented(t, "../../docs/operating.md"))
	for line := range known {
		if !slices.Contains(all, line) {
			t.Errorf("no document has the command %q any more", line)
		}
	}
}

var (
	inlineCode = regexp.MustCompile("`((?:lp2pnode|go|docker|docker-compose|curl|sudo|systemctl|journalctl) [^`]+|deploy/[^` ]+\\.sh[^`]*)`")
	comment    = regexp.MustCompile(`\s+# .*$`)
)

// documented lists the commands of a Markdown file: the lines of indented
// blocks, and what stands in the text as code and begins with a program's name.
func documented(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(raw), "\n## Layout") // its block is no commands
	var commands []string
	fenced, paragraph := false, ""
	flush := func() {
		for _, m := range inlineCode.FindAllStringSubmatch(paragraph, -1) {
			commands = append(commands, strings.Join(strings.Fields(m[1]), " "))
		}
		paragraph = ""
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced:
		case strings.HasPrefix(line, "    "):
			flush()
			commands = append(commands, strings.TrimSpace(comment.ReplaceAllString(line, "")))
		case line == "":
			flush()
		default:
			paragraph += " " + line
		}
	}
	flush()
	return commands
}

// ownNetwork runs the calling test again in a process with an empty network of
// its own, where the default ports are free, and reports whether this is that
// process.
func ownNetwork(t *testing.T) bool {
	t.Helper()
	const mark = "LP2P_TEST_OWN_NETWORK"
	if os.Getenv(mark) != "" {
		return true
	}
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	script := `ip link set lo up && exec "$@"`
	probe := exec.Command("bash", "-c", script, "bash", "true")
	probe.SysProcAttr = attr
	if out, err := probe.CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here, in which the default ports are free: %v %s", err, out)
	}
	again := exec.CommandContext(t.Context(), "bash", "-c", script, "bash", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.SysProcAttr = attr
	again.Env = append(os.Environ(), mark+"=1")
	out, err := again.CombinedOutput()
	if err != nil {
		t.Fatalf("in its own network: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "not run:") || strings.Contains(line, "commands ran") {
			t.Log(strings.TrimSpace(line))
		}
	}
	return false
}

// reader follows a document.
type reader struct {
	t    *testing.T
	dir  string // where commands are typed
	repo string
	env  map[string]string
	node *exec.Cmd // that runs
	log  *lockedBuffer
	ran  int
}

func newReader(t *testing.T) *reader {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := &reader{t: t, dir: dir, repo: repo, env: map[string]string{
		"HOME": filepath.Join(dir, "home"), "REPO": repo, "LP2P_PASSPHRASE": "correct horse", "LP2P_MAX_HASHRATE": "200000",
	}}
	for name, text := range map[string]string{"report.pdf": "a report", "node.toml": r.tomlOfTheDocument(), "home/.keep": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY"} { // HOME is another one here
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		r.env[name] = strings.TrimSpace(string(out))
	}
	t.Cleanup(r.kill)
	return r
}

// tomlOfTheDocument is the configuration file that docs/operating.md shows.
func (r *reader) tomlOfTheDocument() string {
	raw, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		r.t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(raw), "```toml\n")
	toml, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		r.t.Fatal("docs/operating.md shows no configuration file")
	}
	return toml
}

// shell returns a command as the reader types it; more is environment.
func (r *reader) shell(ctx context.Context, line string, more ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir = r.dir
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); r.env[name] == "" && !strings.HasPrefix(name, "LP2P_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	for name, value := range r.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, more...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

var nodeLine = regexp.MustCompile(`^lp2pnode( run)?( --|$)`)

func (r *reader) do(line string, how treatment) {
	r.t.Helper()
	if how.skip != "" {
		r.t.Logf("not run: %s: %s", line, how.skip)
		return
	}
	if _, err := exec.LookPath("curl"); err != nil && strings.HasPrefix(line, "curl ") {
		r.t.Logf("not run: %s: %v", line, err)
		return
	}
	if how.long && !long() {
		r.t.Logf("not run: %s: it compiles the program; with LP2P_TEST_LONG=1 it is", line)
		return
	}
	r.ran++
	typed := line
	if how.replace != "" {
		typed = how.replace
	}
	switch {
	case how.elsewhere:
		r.joins(typed)
	case nodeLine.MatchString(typed):
		r.start(typed)
	default:
		r.run(line, typed, how)
	}
}

// run runs a command that ends.
func (r *reader) run(line, typed string, how treatment) {
	r.t.Helper()
	if strings.Contains(typed, "$HASH") {
		r.env["HASH"] = r.trusted()
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := r.shell(ctx, typed)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	code := 0
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	if code != how.code && !(how.finds && code == 1 && strings.HasPrefix(out.String(), "CHECK")) {
		r.t.Fatalf("%s: want exit code %d, got %d\n%s%s\nthe node's log ends:\n%s", typed, how.code, code, &out, &errs, r.logEnd())
	}
	if id := regexp.MustCompile(`\b[0-9a-f]{64}\b`).FindString(out.String()); strings.HasPrefix(line, "lp2pnode record") && id != "" {
		r.env["ID"] = id
	}
}

// trusted is the hash of the tip of report.json, as the node tells it.
func (r *reader) trusted() string {
	r.t.Helper()
	var found struct{ Tip struct{ Hash string } }
	out, err := r.shell(r.t.Context(), "lp2pnode verify report.json --api http://127.0.0.1:9471 --json").Output()
	if err != nil || json.Unmarshal(out, &found) != nil || found.Tip.Hash == "" {
		r.t.Fatalf("the receipt's tip: %v in %s", err, out)
	}
	return found.Tip.Hash
}

// start starts a node in the place of the one that runs, and waits until its
// API answers.
func (r *reader) start(line string) {
	r.t.Helper()
	r.stop()
	r.node, r.log = r.shell(context.Background(), "exec "+line), &lockedBuffer{}
	r.node.Stdout, r.node.Stderr = r.log, r.log
	if err := r.node.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.await(line, func() bool { return r.shell(r.t.Context(), "lp2pnode status").Run() == nil })
}

// joins starts a node with a home, a directory and ports of its own, as on
// another machine, waits until it has met the first, and ends it.
func (r *reader) joins(line string) {
	r.t.Helper()
	home := r.t.TempDir()
	cmd := r.shell(context.Background(), "exec "+line, "HOME="+home, "LP2P_API=127.0.0.1:9571", "LP2P_LISTEN=/ip4/127.0.0.1/tcp/9570")
	log := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	r.await(line, func() bool {
		out, err := r.shell(r.t.Context(), "lp2pnode status --json --api 127.0.0.1:9571").Output()
		var s status
		return err == nil && json.Unmarshal(out, &s) == nil && s.Peers > 0
	})
	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		r.t.Errorf("%s: ended with %v\n%s", line, err, tail(log.String(), 20))
	}
}

func (r *reader) await(what string, ok func() bool) {
	r.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); !ok(); <-tick.C {
		if time.Since(begin) > 2*time.Minute {
			r.t.Fatalf("%s: it does not get so far; the node's log ends:\n%s", what, r.logEnd())
		}
	}
}

func (r *reader) logEnd() string {
	if r.log == nil {
		return "no node was started"
	}
	return tail(r.log.String(), 25)
}

// stop ends the node that runs, which must end well.
func (r *reader) stop() {
	r.t.Helper()
	if r.node == nil {
		return
	}
	if err := errors.Join(r.node.Process.Signal(os.Interrupt), r.node.Wait()); err != nil {
		r.t.Errorf("%s ended with %v\n%s", r.node.Args, err, r.logEnd())
	}
	r.node = nil
}

func (r *reader) kill() {
	if r.node != nil {
		_ = r.node.Process.Kill()
		_ = r.node.Wait()
	}
}
