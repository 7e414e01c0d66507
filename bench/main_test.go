package bench

import (
	"log/slog"
	"os"
	"testing"

	"github.com/gin-gonic/gin"
)

// What anybody logs is not measured: gin-contrib/sessions writes a line for each
// cookie that does not verify.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}
