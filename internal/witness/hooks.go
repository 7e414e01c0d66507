package witness

import (
	"io"
	"log"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm/logger"
)

// Main runs the tests of a package and returns the exit code: it is for TestMain. It
// hears what is written to os.Stderr from then on, slog's default and that of the
// MySQL driver.
func (w *Witness) Main(m *testing.M) int {
	stderr := os.Stderr
	read, write, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	out, done := w.Output(), make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.MultiWriter(stderr, out), read)
	}()
	os.Stderr = write
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	_ = mysql.SetLogger(w.Driver()) // fails for nil only
	code := m.Run()
	os.Stderr = stderr
	_ = write.Close()
	<-done
	out.Leaks() // hears the last line, if it has no end
	return w.Report(stderr, code)
}

// Log is a logger that tells everything, to the Witness alone.
func (w *Witness) Log() *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// SQL is the logger of an application that wants to know everything, values included.
// It is not for statements of the test's own that hold secrets.
func (w *Witness) SQL() logger.Interface { return SQL(w) }

// SQL is the same logger, to another writer.
func SQL(out io.Writer) logger.Interface {
	return logger.New(log.New(out, "", 0), logger.Config{LogLevel: logger.Info, SlowThreshold: time.Nanosecond})
}

// Driver is a logger for mysql.SetLogger.
func (w *Witness) Driver() mysql.Logger { return log.New(w, "[mysql] ", 0) }
