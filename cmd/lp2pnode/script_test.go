package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the transcripts of testdata/script with the real program.
//
// Each has a home of its own ($HOME, not made), no LP2P_ variables, and free
// ports: $API is host:port, $P2P and $P2P2 are multiaddrs.
func TestScripts(t *testing.T) {
	var port atomic.Int32
	port.Store(10_000 + rand.Int32N(20_000))
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Deadline:            time.Now().Add(scriptTimeout), // it ends what hangs, too
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("API", "127.0.0.1:"+freePort(t, &port))
			env.Setenv("P2P", "/ip4/127.0.0.1/tcp/"+freePort(t, &port))
			env.Setenv("P2P2", "/ip4/127.0.0.1/tcp/"+freePort(t, &port))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"refuses": refuses,
			"await":   await,
			"occupy":  occupy,
			"change":  change,
			"field":   field,
		},
	})
}

// scriptTimeout bounds a transcript: they take seconds.
const scriptTimeout = 5 * time.Minute

// freePort returns the next port where nobody listens. It is none of those that
// systems give away by themselves, from 32768 on at the lowest: until a script
// comes to use it, somebody else might get it.
func freePort(t *testing.T, last *atomic.Int32) string {
	t.Helper()
	for range 1000 {
		port := fmt.Sprint(last.Add(1))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// refuses CODE COMMAND…: it ends with this exit code and one line on stderr
// that begins with the program's name, prints nothing else, and leaves the
// home directory unmade.
func refuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refuses CODE COMMAND…")
	}
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); !errors.As(err, &exit) {
		ts.Fatalf("want a failure, got %v", err)
	}
	stderr := ts.ReadFile("stderr")
	if got := strconv.Itoa(exit.ExitCode()); got != args[0] {
		ts.Fatalf("want exit code %s, got %s: %s", args[0], got, stderr)
	}
	if stdout := ts.ReadFile("stdout"); stdout != "" {
		ts.Fatalf("want nothing on stdout, got %q", stdout)
	}
	if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "lp2pnode: ") {
		ts.Fatalf("want one line that begins with the program's name, got %q", stderr)
	}
	if _, err := os.Stat(ts.Getenv("HOME")); !errors.Is(err, fs.ErrNotExist) {
		ts.Fatalf("want nothing written to the home directory, got %v", err)
	}
}

// await PATTERN COMMAND…: the command is called again until it succeeds and
// its stdout matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN COMMAND…")
	}
	pattern := regexp.MustCompile("(?m)" + args[0])
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("no match of %q within a minute: %v\n%s%s", args[0], err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
	}
}

// occupy HOST:PORT or /ip4/HOST/tcp/PORT: another program listens there until
// the script ends.
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy ADDRESS")
	}
	addr := strings.Replace(strings.TrimPrefix(args[0], "/ip4/"), "/tcp/", ":", 1)
	l, err := net.Listen("tcp", addr)
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
}

// change FILE OLD NEW: the file "changed" is FILE with its first OLD replaced.
func change(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: change FILE OLD NEW")
	}
	before := ts.ReadFile(args[0])
	after := strings.Replace(before, args[1], args[2], 1)
	if after == before {
		ts.Fatalf("%q is not in %s", args[1], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("changed"), []byte(after), 0o600))
}

// field NAME VARIABLE: the variable becomes the text field NAME of the JSON
// that the last command printed.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field NAME VARIABLE")
	}
	found := regexp.MustCompile(`"` + args[0] + `": ?"([^"]*)"`).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("no field %q in %s", args[0], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[1], found[1])
}
