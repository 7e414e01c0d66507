package conformance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/witness"
)

// packages is the folder from which node runs the suites of client and interop
// with the packages installed there. CONFORMANCE_PACKAGES names another one than
// this: one with another version of Better Auth, such as matrix.sh makes.
func packages() string {
	if folder := os.Getenv("CONFORMANCE_PACKAGES"); folder != "" {
		return folder
	}
	return "."
}

// installed runs `npm ci` once if the packages are missing or older than the
// lock file.
var installed = sync.OnceValue(func() error {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: install node (20.19 or newer) and npm, or run ./test.sh, which does", err)
		}
	}
	if packages() != "." {
		_, err := os.Stat(filepath.Join(packages(), "node_modules", "better-auth"))
		return err
	}
	lock, err := os.Stat("package-lock.json")
	if err != nil {
		return err
	}
	switch done, err := os.Stat("node_modules/.package-lock.json"); {
	case err == nil && !done.ModTime().Before(lock.ModTime()):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if out, err := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
})

// node runs a file of tests for node's test runner, by itself: `node --test` would
// only be one process more.
func node(t *testing.T, file string, env ...string) {
	t.Helper()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if end, ok := t.Deadline(); ok { // what hangs is ended in time to show what it said
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-30*time.Second))
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, "node", "--test-reporter=spec", file)
	cmd.WaitDelay = 5 * time.Second // a browser that it leaves behind holds its output
	cmd.Dir = packages()
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", file, err, out)
	}
	t.Logf("%s", out)
}

// ourServer is the command in the folder server with these flags and a port of its
// own.
func ourServer(t *testing.T, flags ...string) *exec.Cmd {
	t.Helper()
	program, err := serverProgram()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(program, append([]string{"-addr", "127.0.0.1:0", "-log-sql"}, flags...)...)
}

// serve starts a server of ours, waits for its line "listening on URL" and returns
// the URL. The server, its children included, ends with the test, which fails if the
// server wrote a secret.
func serve(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	return serveHeard(t, cmd, everything)
}

// serveTheirs starts a server that is not ours, and may write what it likes.
func serveTheirs(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	return serveHeard(t, cmd, nil)
}

func serveHeard(t *testing.T, cmd *exec.Cmd, by *witness.Witness) string {
	t.Helper()
	ours := by != nil
	if !ours {
		by = witness.New()
	}
	said, stderr := by.Output(), by.Output()
	cmd.Stderr = stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(url)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() { // to the end, so that the server never blocks on a full pipe
			fmt.Fprintln(said, lines.Text())
			if _, address, ok := strings.Cut(lines.Text(), "listening on "); ok && len(url) == 0 {
				url <- address
			}
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		kill := time.AfterFunc(15*time.Second, func() {
			t.Errorf("%s did not end within 15 seconds of SIGTERM", cmd.Args[0])
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		})
		defer kill.Stop()
		<-read
		_ = cmd.Wait()
		if ours {
			said.Judge(t, cmd.Args[0])
			stderr.Judge(t, cmd.Args[0])
		}
		if t.Failed() {
			t.Logf("the end of what %s wrote to standard error:\n%s", cmd.Args[0], stderr)
		}
	})
	select {
	case address, ok := <-url:
		if !ok {
			t.Fatalf("%s ended without listening", cmd.Args[0])
		}
		return address
	case <-time.After(5 * time.Minute): // `go run` compiles first
		t.Fatalf("%s does not listen after five minutes", cmd.Args[0])
	}
	return ""
}
