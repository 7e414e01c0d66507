package bench

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// betterAuth is Better Auth on Node, with the packages of conformance (npm ci
// there), without which the measurement is skipped. It is asked over loopback only,
// and for GET /api/auth/get-session.
func betterAuth(cookieCache string) func(testing.TB) *site {
	return func(tb testing.TB) *site {
		node, err := exec.LookPath("node")
		if err != nil {
			tb.Skip("there is no node on the PATH")
		}
		conformance, err := filepath.Abs("../conformance")
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(conformance, "node_modules", "better-auth")); err != nil {
			tb.Skip("there is no Better Auth: run npm ci in conformance")
		}
		config := newDSN(tb)
		address := url.URL{Scheme: "mysql", Host: config.Addr, Path: config.DBName, User: url.User(config.User)}
		if config.Passwd != "" {
			address.User = url.UserPassword(config.User, config.Passwd)
		}
		server := exec.Command(node, "interop/server.mjs", "--mysql", address.String(), "--secret", secret,
			"--cookie-cache", cookieCache, "--trusted-origins", home)
		server.Dir, server.Stderr = conformance, os.Stderr
		out, err := server.StdoutPipe()
		if err != nil {
			tb.Fatal(err)
		}
		if err := server.Start(); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			_ = server.Process.Kill()
			_ = server.Wait()
		})
		line, err := bufio.NewReader(out).ReadString('\n')
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
