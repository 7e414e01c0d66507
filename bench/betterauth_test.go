package bench

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// betterAuth is Better Auth on Node. It is asked over loopback only, and for GET
// /api/auth/get-session.
func betterAuth(cookieCache string) func(testing.TB) *site {
	return func(tb testing.TB) *site {
		_, out := start(tb, conformance(tb), "interop/server.mjs", "--mysql", databaseURL(tb), "--secret", secret,
			"--cookie-cache", cookieCache, "--trusted-origins", home)
		line, err := out.ReadString('\n')
		if err != nil {
			tb.Fatal(err)
		}
		_, at, ok := strings.Cut(strings.TrimSpace(line), "http://")
		if !ok {
			tb.Fatalf("Better Auth says %q", line)
		}
		s := &site{
			address: at,
			me:      question{path: "/api/auth/get-session"},
			meWant:  http.StatusOK,
			signIn:  question{path: "/api/auth/sign-up/email", body: `{"name":"Ada Lovelace","email":"ada@peers.example","password":"correct horse battery"}`},
		}
		signedIn(tb, s)
		s.signIn = question{path: "/api/auth/sign-in/email", body: `{"email":"ada@peers.example","password":"correct horse battery"}`}
		return s
	}
}

// betterAuthAPI measures reads of a session without HTTP, one after the other.
func betterAuthAPI(b *testing.B, cookieCache string) {
	b.Run("layer=better-auth-api/via=process", func(b *testing.B) {
		in, out := start(b, conformance(b), "../bench/betterauth.mjs", databaseURL(b), secret, cookieCache)
		read := func(times int) {
			if _, err := fmt.Fprintln(in, times); err != nil {
				b.Fatal(err)
			}
			if line, err := out.ReadString('\n'); err != nil || line != "done\n" {
				b.Fatalf("Better Auth says %q, %v", line, err)
			}
		}
		read(2000) // until V8 has compiled it
		b.ResetTimer()
		read(b.N)
	})
}

// conformance is its folder, with the packages of npm ci, or the measurement is
// skipped.
func conformance(tb testing.TB) string {
	tb.Helper()
	folder, err := filepath.Abs("../conformance")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "better-auth")); err != nil {
		tb.Skip("there is no Better Auth: run npm ci in conformance")
	}
	return folder
}

// start runs a program for Node in a folder until the measurement ends.
func start(tb testing.TB, folder string, arguments ...string) (io.Writer, *bufio.Reader) {
	tb.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		tb.Skip("there is no node on the PATH")
	}
	program := exec.Command(node, arguments...)
	program.Dir, program.Stderr = folder, os.Stderr
	in, err := program.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := program.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := program.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = program.Process.Kill()
		_ = program.Wait()
	})
	return in, bufio.NewReader(out)
}

// databaseURL is a database of its own as programs for Node name it.
func databaseURL(tb testing.TB) string {
	tb.Helper()
	config := newDSN(tb)
	address := url.URL{Scheme: "mysql", Host: config.Addr, Path: config.DBName, User: url.User(config.User)}
	if config.Passwd != "" {
		address.User = url.UserPassword(config.User, config.Passwd)
	}
	return address.String()
}
